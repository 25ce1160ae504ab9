use std::{fs, process::exit};

// 42: a file is where none may be, or no limit of bytes ended it.
fn main() {
    println!("attempt");
    for place in ["/out", "/var/tmp", "/run", ""] {
        match fs::write(format!("{place}/fill"), "") {
            Ok(()) => exit(42),
            Err(error) => println!("{place} {error}"),
        }
    }
    let mut made = 0;
    for place in ["/box", "/tmp", "/dev/shm"] {
        loop {
            made += 1;
            if made > 1200 {
                exit(42);
            }
            if let Err(error) = fs::write(format!("{place}/fill{made}"), vec![0; 900_000]) {
                println!("{place} {made} {error}");
                const NO_SPACE: i32 = 28;
                if error.raw_os_error() != Some(NO_SPACE) {
                    exit(42);
                }
                break;
            }
        }
    }
}
