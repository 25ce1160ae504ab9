include!("@TARGET@");
fn main() {}
