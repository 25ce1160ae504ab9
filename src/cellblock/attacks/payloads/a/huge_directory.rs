fn main() {
    println!("attempt");
    for made in 0.. {
        if let Err(error) = std::os::unix::fs::symlink("x".repeat(3000), format!("/tmp/{made:0200}")) {
            println!("{made} {error}");
            return;
        }
    }
}
