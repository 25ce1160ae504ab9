use std::{process, thread, time::Duration};

fn main() {
    for _ in 0..2000 {
        let spawned = thread::Builder::new().spawn(|| thread::sleep(Duration::from_secs(100)));
        if let Err(error) = spawned {
            eprintln!("{error}");
            process::exit(1);
        }
    }
}
