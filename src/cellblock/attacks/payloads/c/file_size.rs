use std::{fs::File, io::Write, process::exit};

extern "C" {
    fn signal(number: i32, handler: usize) -> usize;
}

// 42: the file is as long as it likes.
fn main() {
    println!("attempt");
    unsafe { signal(25, 1) }; // SIGXFSZ, ignored
    let mut file = File::create("/box/file").unwrap();
    let mut size = 0;
    while size < 64 << 20 {
        match file.write(&[0; 1 << 16]) {
            Ok(written) => size += written,
            Err(error) => {
                println!("{size} bytes, then {error}");
                const TOO_LARGE: i32 = 27;
                exit(if error.raw_os_error() == Some(TOO_LARGE) { 0 } else { 42 });
            }
        }
    }
    exit(42);
}
