fn main() {
    println!("attempt");
    for place in ["/box", "/tmp", "/dev/shm", "/out", "/var/tmp", "/run", ""] {
        for number in 0.. {
            if let Err(error) = std::fs::write(format!("{place}/fill{number}"), vec![0; 900_000]) {
                println!("{place} {number} {error}");
                break;
            }
        }
    }
}
