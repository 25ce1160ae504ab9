use std::io;

fn main() {
    let mut line = String::new();
    println!("Grüße ∑ 日本語 🚀");
    io::stdin().read_line(&mut line).unwrap();
    print!("{line}");
}
