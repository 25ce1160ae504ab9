use std::{collections::BTreeMap, env, fs, io::Read};
fn main() {
    println!("{:?} {:?}", env::args().collect::<Vec<_>>(), env::vars().collect::<BTreeMap<_, _>>());
    println!("{:?} {:?}", env::current_dir(), fs::read_dir(".").unwrap().map(|e| e.unwrap().file_name()).collect::<Vec<_>>());
    let mut text = String::new();
    let read = std::io::stdin().read_to_string(&mut text).unwrap();
    println!("{read} {:?} {}", text.lines().rev().collect::<Vec<_>>(), text.chars().filter(|c| !c.is_ascii()).count());
    eprintln!("{:?}", fs::read("/nonexistent").unwrap_err());
    fs::create_dir_all("a/b").unwrap();
    fs::write("a/b/ü", &text).unwrap();
    println!("{:?}", fs::metadata("a/b/ü").map(|m| (m.len(), m.permissions().readonly())));
    std::process::exit(33);
}
