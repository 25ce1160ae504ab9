fn main() {
    println!("attempt");
    std::process::exit(option_env!("CELLBLOCK_DATA_DIR").is_some() as i32);
}
