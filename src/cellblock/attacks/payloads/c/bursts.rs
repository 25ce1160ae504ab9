use std::hint::black_box;

extern "C" {
    fn fork() -> i32;
    fn wait(status: *mut i32) -> i32;
    fn _exit(code: i32) -> !;
}

// Short-lived children, each gone before anybody looks.
fn main() {
    println!("attempt");
    loop {
        unsafe {
            if fork() == 0 {
                for n in 0..20_000_000 {
                    black_box(n);
                }
                _exit(0);
            }
            wait(std::ptr::null_mut());
        }
    }
}
