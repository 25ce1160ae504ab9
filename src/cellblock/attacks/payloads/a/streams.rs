use std::{fs, os::unix::fs::{fchown, FileExt, PermissionsExt}, os::fd::FromRawFd};

extern "C" {
    fn fcntl(fd: i32, command: i32, ...) -> i32;
}

// O_DIRECT, which has another number there, and O_NONBLOCK.
const FLAGS: i32 = if cfg!(target_arch = "aarch64") { 0o204000 } else { 0o44000 };

fn main() {
    println!("attempt");
    for fd in 0..3 {
        let path = format!("/proc/self/fd/{fd}");
        // Beside the file that a stream is, where it is one.
        let link = fs::read_link(&path).unwrap_or_default();
        println!("{}", fs::read_to_string(link.with_file_name("secret")).unwrap_or_default());
        let stream = std::mem::ManuallyDrop::new(unsafe { fs::File::from_raw_fd(fd) });
        let _ = stream.set_permissions(PermissionsExt::from_mode(0o777));
        let _ = fchown(&*stream, Some(0), Some(0));
        let _ = stream.set_len(1 << 40);
        let _ = fs::set_permissions(&path, PermissionsExt::from_mode(0));
        for (command, value) in [(1031, 1 << 30), (4, FLAGS), (8, 1)] {
            unsafe { fcntl(fd, command, value) }; // F_SETPIPE_SZ, F_SETFL, F_SETOWN
        }
        let _ = stream.write_at(b"x", 0);
        let _ = fs::rename(&path, "/box/x");
        // An open for both directions does not wait for another end.
        std::mem::forget(fs::OpenOptions::new().read(true).write(true).open(&path));
    }
}
