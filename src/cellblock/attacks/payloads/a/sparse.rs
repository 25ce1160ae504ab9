fn main() {
    println!("attempt");
    println!("{:?}", std::fs::File::create("/box/sparse").unwrap().set_len(1 << 40));
}
