fn main() { println!("attempt {:?} {:?}", option_env!("CELLBLOCK_DATA_DIR"), option_env!("HOME")); }
