use std::{env, fs, process, ptr::null_mut};

extern "C" {
    fn umask(mask: u32) -> u32;
    fn sigprocmask(how: i32, set: *const [u8; 128], before: *mut u8) -> i32;
    fn setpriority(which: i32, pid: u32, value: i32) -> i32;
    fn prlimit(pid: u32, kind: i32, limit: *const [u64; 2], before: *mut u8) -> i32;
}

// For the run after it to find.
fn leave() {
    fs::write("/tmp/left", "").unwrap();
    fs::write("/dev/shm/left", "").unwrap();
    env::set_var("LEFT", "1");
    env::set_current_dir("/tmp").unwrap();
    unsafe {
        umask(0);
        assert_eq!(sigprocmask(0, &[255; 128], null_mut()), 0);
        for pid in [std::os::unix::process::parent_id(), process::id()] {
            let mut refused = setpriority(0, pid, 3);
            refused |= prlimit(pid, 7, &[16; 2], null_mut()) | prlimit(pid, 1, &[1 << 16; 2], null_mut());
            assert!(refused == 0 || pid != process::id());
        }
    }
}

// See state.py.
fn main() {
    println!("attempt");
    let mut left = Vec::new();
    let read = |path: &str| fs::read_to_string(path).unwrap();
    let status = read("/proc/self/status");
    if !status.contains("\nUmask:\t0022\n") {
        left.push("umask".to_string());
    }
    if !status.contains("\nSigBlk:\t0000000000000000\n") {
        left.push("blocked signals".to_string());
    }
    let stat = read("/proc/self/stat");
    if stat[stat.rfind(')').unwrap() + 1..].split_whitespace().nth(16) != Some("0") {
        left.push("nice".to_string());
    }
    let mut limits = 0;
    for line in read("/proc/self/limits").lines().filter(|line| line.starts_with("Max ")) {
        let fields: Vec<&str> = line[26..].split_whitespace().collect();
        let least = if line.starts_with("Max open files") { 24 } else if line.starts_with("Max file size") { 1 << 20 } else { 0 };
        limits += 1;
        if (fields[0] != fields[1] && !line.starts_with("Max cpu time")) || fields[1].parse::<u64>().map_or(false, |hard| hard < least) {
            left.push(line.to_string());
        }
    }
    if limits < 14 {
        left.push("no limits to be read".to_string());
    }
    for place in ["/tmp", "/dev/shm"] {
        if fs::read_dir(place).unwrap().count() > 0 {
            left.push("files".to_string());
        }
    }
    if process::id() > 10 {
        left.push("pid".to_string());
    }
    for (name, _) in env::vars() {
        if !["PATH", "HOME", "LANG", "LC_ALL", "TMPDIR", "PWD"].contains(&name.as_str()) {
            left.push(name);
        }
    }
    if !left.is_empty() {
        println!("{left:?}");
        process::exit(42);
    }
    leave();
}
