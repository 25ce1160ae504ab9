use std::io::{self, BufWriter, Write};

fn main() {
    let mut out = BufWriter::new(io::stdout().lock());
    for _ in 0..65536 {
        writeln!(out, "0123456789abcde").unwrap();
    }
}
