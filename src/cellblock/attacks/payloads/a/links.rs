use std::{env, ffi::{c_char, CString}, fs, io};
use std::os::unix::{fs::{symlink, PermissionsExt}, net::UnixListener};

extern "C" {
    fn mkfifo(path: *const c_char, mode: u32) -> i32;
    fn umask(mask: u32) -> u32;
}

// See links.py.
fn leave(kind: usize, path: &str, before: &str) -> io::Result<()> {
    match kind {
        0 => symlink("@SECRET@", path),
        1 => fs::hard_link("@SECRET@", path).or_else(|_| fs::hard_link(before, path)),
        2 => symlink("@CANARY_DIR@/open", path),
        3 => symlink("@CANARY_DIR@", path),
        4 => {
            let made = unsafe { mkfifo(CString::new(path)?.as_ptr(), 0o666) };
            if made == 0 { Ok(()) } else { Err(io::Error::last_os_error()) }
        }
        _ => UnixListener::bind(path).map(drop),
    }
}

fn main() {
    println!("attempt");
    unsafe { umask(0) };
    let names = ["main.rs", "stdout", "stderr", "main", "stdin", "result",
        "output", "out", "core", "compile.log", "code", "box"];
    for (shift, place) in ["/box", "/tmp", "/dev/shm", "/out"].iter().enumerate() {
        let mut before = String::new();
        for (number, name) in names.iter().enumerate() {
            let path = format!("{place}/{name}");
            let _ = fs::remove_file(&path);
            let left = leave((number + 2 * shift) % 6, &path, &before);
            if *place != "/out" { left.unwrap(); } // the compiler's
            before = path;
        }
    }
    fs::create_dir("/box/deep").unwrap();
    env::set_current_dir("/box/deep").unwrap();
    for _ in 0..2000 {
        fs::create_dir("d").unwrap();
        env::set_current_dir("d").unwrap();
    }
    symlink("@CANARY_DIR@", "bait").unwrap();
    fs::set_permissions("/box", PermissionsExt::from_mode(0)).unwrap();
}
