use std::fs::{read_dir, read_to_string, remove_file, File, OpenOptions};
use std::io::{Read, Write};

fn judge(won: &mut i32, what: &str, succeeded: bool) {
    if succeeded {
        println!("{what}");
        *won += 1;
    }
}
fn write(path: &str, text: &str) -> bool {
    OpenOptions::new().write(true).open(path).is_ok_and(|mut file| file.write(text.as_bytes()).is_ok())
}
fn create(path: &str) -> bool {
    OpenOptions::new().write(true).create_new(true).open(path).is_ok() && remove_file(path).is_ok()
}
fn read(path: &str) -> bool {
    File::open(path).is_ok_and(|mut file| file.read(&mut [0; 1]).is_ok_and(|bytes| bytes > 0))
}
fn main() {
    println!("attempt");
    let mut won = 0;
    // Nothing is written to what may be opened for writing: that it may is enough.
    for path in "@WRITES@".split(' ') {
        judge(&mut won, path, OpenOptions::new().write(true).open(path).is_ok());
    }
    for path in "@CREATES@".split(' ') {
        judge(&mut won, path, create(path));
    }
    for own in "@OWN@".split(';') {
        let (path, text) = own.split_once('=').unwrap();
        judge(&mut won, own, write(path, text));
    }
    for path in "@READS@".split(' ') {
        judge(&mut won, path, read(path));
    }
    for path in "@LISTS@".split(' ') {
        judge(&mut won, path, read_dir(path).is_ok_and(|mut found| found.next().is_some()));
    }
    let groups = read_to_string("/proc/self/cgroup").unwrap();
    judge(&mut won, "group", groups.lines().any(|line| !line.ends_with(":/")));
    std::process::exit(won);
}
