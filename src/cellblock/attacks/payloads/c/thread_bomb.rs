use std::{thread, time::Duration};
fn main() {
    println!("attempt");
    loop {
        let _ = thread::Builder::new().spawn(|| thread::sleep(Duration::from_secs(3600)));
    }
}
