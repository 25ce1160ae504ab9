fn main() {
    println!("attempt");
    std::thread::sleep(std::time::Duration::from_secs(3600));
}
