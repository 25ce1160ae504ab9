fn main() {
    println!("attempt");
    for _ in 0..8 {
        std::thread::spawn(|| loop {});
    }
    loop {}
}
