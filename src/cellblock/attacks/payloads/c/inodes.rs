fn main() {
    println!("attempt");
    for made in 0.. {
        if let Err(error) = std::fs::File::create(format!("/tmp/{made}")) {
            println!("{made} {error}");
            return;
        }
    }
}
