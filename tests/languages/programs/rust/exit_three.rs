fn main() {
    println!("before");
    eprintln!("failing");
    std::process::exit(3);
}
