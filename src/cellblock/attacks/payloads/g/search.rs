use std::{env, fs};
fn main() {
    println!("attempt");
    let mut all: String = env::vars().map(|(name, value)| format!("{name}={value}\n")).collect();
    for path in ["/proc/1/environ", "/proc/self/environ", "/proc/@SUPERVISOR_PID@/environ", "@SECRET@", "/proc/1/root@SECRET@"] {
        all += &fs::read_to_string(path).unwrap_or_default();
    }
    println!("{all}");
    std::process::exit(if all.contains("CELLBLOCK") { 42 } else { 0 });
}
