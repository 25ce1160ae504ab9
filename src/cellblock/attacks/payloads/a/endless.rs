use std::io::{stderr, stdout, Write};
fn main() {
    println!("attempt");
    let block = vec![b'x'; 1 << 20];
    loop {
        let _ = stdout().write_all(&block);
        let _ = stderr().write_all(&block);
    }
}
