use std::{fs, io::Write, mem::{forget, ManuallyDrop}, os::fd::{FromRawFd, OwnedFd}};

extern "C" {
    fn close(fd: i32) -> i32;
}

fn main() {
    println!("attempt");
    for fd in 0..64 {
        unsafe { close(fd) };
    }
    for _ in 0..2 {
        forget(fs::OpenOptions::new().read(true).write(true).open("/dev/full"));
    }
    let mut full = ManuallyDrop::new(fs::File::from(unsafe { OwnedFd::from_raw_fd(1) }));
    for _ in 0..100_000 {
        let _ = full.write(b"x");
    }
}
