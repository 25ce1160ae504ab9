use std::{ffi::c_void, fs::File, io::Error, os::fd::AsRawFd, process::exit, ptr::null_mut, thread::sleep, time::Duration};

#[repr(C)]
struct Part { base: *const u8, size: usize }
#[repr(C)]
struct Rights { size: usize, level: i32, kind: i32, fds: [i32; 200] }
#[repr(C)]
struct Message { name: *mut c_void, name_size: u32, parts: *const Part, count: usize, control: *const Rights, control_size: usize, flags: i32 }

extern "C" {
    fn socketpair(domain: i32, kind: i32, protocol: i32, pair: *mut i32) -> i32;
    fn sendmsg(fd: i32, message: *const Message, flags: i32) -> isize;
}

const AGAIN: i32 = 11;
const TABLE_FULL: i32 = 24;
const MANY: usize = 8_000;

// Files in flight are in nobody's table: send fresh ones into a socket, close them, open more. 42: nobody refuses.
fn main() {
    println!("attempt");
    let byte = Part { base: b"x".as_ptr(), size: 1 };
    let (mut pair, mut sent, mut refused) = ([0; 2], 0, 0);
    while refused == 0 && sent < MANY && unsafe { socketpair(1, 0o4001, 0, pair.as_mut_ptr()) } == 0 {
        let mut full = false;
        while refused == 0 && !full && sent < MANY {
            let fresh: Vec<File> = (0..200).map_while(|_| File::open("/dev/null").ok()).collect();
            let size = 16 + 4 * fresh.len();
            let mut rights = Rights { size, level: 1, kind: 1, fds: [0; 200] };
            for (at, file) in fresh.iter().enumerate() {
                rights.fds[at] = file.as_raw_fd();
            }
            let message = Message { name: null_mut(), name_size: 0, parts: &byte, count: 1, control: &rights, control_size: size, flags: 0 };
            if fresh.is_empty() {
                refused = TABLE_FULL;
            } else if unsafe { sendmsg(pair[0], &message, 0) } == 1 {
                sent += fresh.len();
            } else {
                match Error::last_os_error().raw_os_error().unwrap() {
                    AGAIN => full = true,
                    other => refused = other,
                }
            }
        }
    }
    println!("sent {sent}, then {refused}");
    sleep(Duration::from_millis(300)); // the host counts them
    exit(if sent < MANY { 0 } else { 42 });
}
