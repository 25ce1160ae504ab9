extern "C" {
    fn setrlimit(resource: i32, limit: *const [u64; 2]) -> i32;
}

fn main() {
    println!("attempt");
    unsafe { setrlimit(4, &[u64::MAX; 2]) };
    std::process::abort();
}
