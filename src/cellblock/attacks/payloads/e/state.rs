use std::{env, fs, process};

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
    println!("{left:?}");
    process::exit(if left.is_empty() { 0 } else { 42 });
}
