use std::fs;

fn main() {
    println!("attempt");
    for way in ["", "/proc/self/root", "/proc/1/root", "/proc/self/cwd/../../../..", "/.."] {
        for place in ["@CANARY_DIR@", "@CANARY_DIR_TWO@", "@CANARY_DIR_THREE@"] {
            println!("{:?}", fs::read_to_string(format!("{way}{place}/secret")));
            println!("{:?}", fs::write(format!("{way}{place}/open"), "x"));
            println!("{:?}", fs::write(format!("{way}{place}/written"), "x"));
            println!("{:?}", std::os::unix::fs::symlink("/etc/shadow", format!("{way}{place}/link")));
            println!("{:?}", fs::remove_file(format!("{way}{place}/open")));
        }
    }
}
