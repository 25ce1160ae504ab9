const TOLD: &str = include_str!("@TARGET@");
fn main() { println!("{TOLD}"); }
