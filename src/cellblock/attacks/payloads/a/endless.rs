use std::io::Write;
fn main() {
    println!("attempt");
    let block = vec![b'x'; 1 << 20];
    loop {
        let _ = std::io::stdout().write_all(&block);
    }
}
