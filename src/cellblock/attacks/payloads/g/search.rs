use std::{env, fs, os::unix::net::UnixStream};
fn main() {
    println!("attempt");
    let mut found = false;
    let mut all: String = env::vars().map(|(name, value)| format!("{name}={value}\n")).collect();
    for path in ["/proc/1/environ", "/proc/self/environ", "/proc/@SUPERVISOR_PID@/environ", "/proc/@SERVICE_PID@/environ", "/proc/@PARENT_PID@/environ", "@SECRET@", "/proc/1/root@SECRET@", "@DATA_DIR@/cellblock.db"] {
        if let Ok(told) = fs::read(path) {
            all += &String::from_utf8_lossy(&told);
            found |= path.ends_with(".db");
        }
    }
    for path in ["@DATA_DIR@", "@RUNTIME_DIR@", "/proc/1/root@DATA_DIR@", "/proc/1/root@RUNTIME_DIR@"] {
        found |= fs::read_dir(path).map_or(false, |names| names.count() > 0);
    }
    found |= UnixStream::connect("@SOCKET@").is_ok();
    for fd in 3..1024 {
        if let Ok(link) = fs::read_link(format!("/proc/self/fd/{fd}")) {
            println!("descriptor {fd} {link:?}");
            found = true;
        }
    }
    println!("{all}");
    std::process::exit(if found || all.contains("CELLBLOCK") { 42 } else { 0 });
}
