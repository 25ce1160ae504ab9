use std::{fs::File, io::{self, Write}, os::fd::IntoRawFd};
use std::{process::{exit, Command, Stdio}, thread::sleep, time::Duration};

#[repr(C)]
struct Record {
    kind: i16,
    whence: i16,
    start: i64,
    length: i64,
    pid: i32,
}

extern "C" {
    fn flock(fd: i32, how: i32) -> i32;
    fn fcntl(fd: i32, command: i32, record: *mut Record) -> i32;
}

const BY_FLOCK: bool = "@WAY@".len() == "flock".len();
const READ: i16 = 0;
const WRITE: i16 = 1;
const NONE: i16 = 2;

fn open() -> i32 { File::open("@PATH@").unwrap().into_raw_fd() }

fn record(kind: i16) -> Record { Record { kind, whence: 0, start: 0, length: 0, pid: 0 } }

fn meets_one() -> bool {
    if BY_FLOCK {
        let refused = unsafe { flock(open(), 2 | 4) } != 0;
        return refused && io::Error::last_os_error().kind() == io::ErrorKind::WouldBlock;
    }
    let mut asked = record(WRITE);
    unsafe { fcntl(open(), 5, &mut asked) == 0 && asked.kind != NONE }
}

// See locks.py.
fn main() {
    let mut line = String::new();
    io::stdin().read_line(&mut line).unwrap();
    println!("attempt");
    if line != "first\n" {
        exit(if meets_one() { 42 } else { 0 });
    }
    let locked = unsafe { if BY_FLOCK { flock(open(), 2) } else { fcntl(open(), 6, &mut record(READ)) } };
    assert_eq!(locked, 0);
    // Another program of its own meets what a stranger would; by pipes, for it may be /dev/null that is locked.
    let mut itself = Command::new("/proc/self/exe");
    let mut child = itself.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
    child.stdin.take().unwrap().write_all(b"second\n").unwrap();
    if child.wait().unwrap().code() == Some(42) {
        println!("held");
    }
    sleep(Duration::from_secs_f64("@HELD_S@".parse().unwrap()));
}
