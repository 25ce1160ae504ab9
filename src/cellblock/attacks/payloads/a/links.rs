use std::{fs, os::unix::fs::symlink};

fn main() {
    println!("attempt");
    for place in ["/box", "/tmp", "/dev/shm", "/out"] {
        for name in ["main.rs", "main", "stdout", "stderr", "stdin", "out", "output", "core"] {
            let _ = fs::remove_file(format!("{place}/{name}"));
            println!("{:?}", symlink("@CANARY_DIR@/open", format!("{place}/{name}")));
        }
    }
}
