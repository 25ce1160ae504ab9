#![allow(dead_code)]
use std::{ffi::{c_char, c_void, CString}, fs, io::Write, mem::forget, os::fd::{AsRawFd, FromRawFd, IntoRawFd}, ptr::null_mut, sync::atomic::{AtomicUsize, Ordering::Relaxed}};

extern "C" {
    fn mmap(at: *mut c_void, size: usize, allowed: i32, kind: i32, fd: i32, offset: i64) -> *mut u8;
    fn memfd_create(name: *const c_char, flags: u32) -> i32;
    fn shmget(key: i32, size: usize, flags: i32) -> i32;
    fn shmat(id: i32, at: *const c_void, flags: i32) -> *mut u8;
    fn pipe2(ends: *mut i32, flags: i32) -> i32;
    fn fcntl(fd: i32, command: i32, ...) -> i32;
    fn setsockopt(fd: i32, level: i32, name: i32, value: *const i32, size: u32) -> i32;
    fn msgget(key: i32, flags: i32) -> i32;
    fn semget(key: i32, count: i32, flags: i32) -> i32;
    fn msgsnd(queue: i32, message: *const u8, size: usize, flags: i32) -> i32;
    fn mq_open(name: *const c_char, flags: i32, ...) -> i32;
    fn mq_send(queue: i32, message: *const u8, size: usize, priority: u32) -> i32;
}

static BLOCK: [u8; 1 << 16] = [1; 1 << 16];
static HELD: AtomicUsize = AtomicUsize::new(0);

// Each goes on until it is refused; what it holds it keeps until the end, and says how much that is.
fn hold(size: usize) {
    let before = HELD.fetch_add(size, Relaxed);
    let held = before + size;
    if held >> 20 != before >> 20 {
        println!("held {held}");
    }
    if held >= 2 << 30 {
        std::process::exit(42); // nobody refuses
    }
}

fn shared() {
    loop {
        let area = unsafe { mmap(null_mut(), 1 << 20, 2, 0x21, -1, 0) };
        if area as isize == -1 { return; }
        unsafe { area.write_bytes(1, 1 << 20) };
        hold(1 << 20);
    }
}

fn memfd() {
    loop {
        let fd = unsafe { memfd_create(c"x".as_ptr(), 0) };
        if fd < 0 { return; }
        let mut file = unsafe { fs::File::from_raw_fd(fd) };
        for _ in 0..15 { hold(file.write(&BLOCK).unwrap_or(0)); }
        forget(file);
    }
}

fn tmpfs(place: &str) {
    for number in 0.. {
        if fs::write(format!("{place}/{number}"), &BLOCK.repeat(15)).is_err() { return; }
        hold(15 * BLOCK.len());
    }
}

fn sysv() {
    loop {
        let area = unsafe { shmat(shmget(0, 1 << 20, 0o1777), null_mut(), 0) };
        if area as isize == -1 { return; }
        unsafe { area.write_bytes(1, 1 << 20) };
        hold(1 << 20);
    }
}

fn pipes() {
    let mut ends = [0; 2];
    while unsafe { pipe2(ends.as_mut_ptr(), 0o4000) } == 0 {
        unsafe { fcntl(ends[1], 1031, 1 << 20) };
        let mut end = unsafe { fs::File::from_raw_fd(ends[1]) };
        while let Ok(size) = end.write(&BLOCK) { hold(size); }
        forget(end);
    }
}

fn sockets() {
    while let Ok((mut one, other)) = std::os::unix::net::UnixStream::pair() {
        unsafe { setsockopt(one.as_raw_fd(), 1, 7, &(1 << 30), 4) };
        let _ = one.set_nonblocking(true);
        while let Ok(size) = one.write(&BLOCK) { hold(size); }
        (one.into_raw_fd(), other.into_raw_fd());
    }
}

fn messages() {
    loop {
        let queue = unsafe { msgget(0, 0o1777) };
        if queue < 0 { return; }
        while unsafe { msgsnd(queue, BLOCK.as_ptr(), 8000, 0o4000) } == 0 { hold(8000); }
    }
}

fn semaphores() {
    while unsafe { semget(0, 32000, 0o1777) } >= 0 {
        hold(32000 * 64); // each is on a cache line of its own
    }
}

fn queues() {
    for number in 0.. {
        let name = CString::new(format!("/{number}")).unwrap();
        let queue = unsafe { mq_open(name.as_ptr(), 0o4102, 0o666, null_mut::<u8>()) };
        if queue < 0 { return; }
        while unsafe { mq_send(queue, BLOCK.as_ptr(), 8000, 0) } == 0 { hold(8000); }
    }
}

fn main() {
    println!("attempt");
    @WAY@;
    println!("{}", std::io::Error::last_os_error());
    println!("held {}", HELD.load(Relaxed));
}
