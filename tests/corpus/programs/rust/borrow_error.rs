fn main() {
    let text = String::from("größer");
    let moved = text;
    println!("{text} {moved}");
    let unused = 5;
}
