extern "C" {
    fn setrlimit(resource: i32, limit: *const [u64; 2]) -> i32;
    fn fork() -> i32;
    fn wait(status: *mut i32) -> i32;
}

// Of a child its parent is told whether the kernel dumped it, to a file or to the host's program: 42.
fn main() {
    println!("attempt");
    let mut status = 0;
    unsafe {
        setrlimit(4, &[u64::MAX; 2]);
        if fork() == 0 {
            std::process::abort();
        }
        wait(&mut status);
    }
    const ABORTED: i32 = 6;
    const DUMPED: i32 = 0x80;
    if status & 0x7f != ABORTED {
        std::process::exit(1);
    }
    if status & DUMPED != 0 {
        std::process::exit(42);
    }
    std::process::abort();
}
