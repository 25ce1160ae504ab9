use std::{fs::File, io::Error, os::fd::AsRawFd, os::unix::fs::FileExt, process::exit};

extern "C" {
    fn signal(number: i32, handler: usize) -> usize;
    fn fallocate(fd: i32, mode: i32, offset: i64, size: i64) -> i32;
}

// 42: one of them was made.
fn main() {
    println!("attempt");
    unsafe { signal(25, 1) }; // SIGXFSZ, ignored: each way is tried
    for place in ["/box/sparse", "/tmp/sparse", "/dev/shm/sparse"] {
        let file = File::create(place).unwrap();
        for way in 0..3 {
            let made = match way {
                0 => file.set_len(1 << 40),
                1 => file.write_at(b"x", 1 << 40).map(|_| ()),
                _ => if unsafe { fallocate(file.as_raw_fd(), 0, 0, 1 << 40) } == 0 { Ok(()) } else { Err(Error::last_os_error()) },
            };
            println!("{made:?}");
            const TOO_LARGE: i32 = 27;
            if made.is_ok() || made.unwrap_err().raw_os_error() != Some(TOO_LARGE) {
                exit(42);
            }
        }
    }
}
