fn main() {
    println!("attempt");
    std::process::exit(if option_env!("CELLBLOCK_DATA_DIR").is_some() { 42 } else { 0 });
}
