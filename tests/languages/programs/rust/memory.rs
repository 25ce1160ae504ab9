fn main() {
    let mut chunks = Vec::new();
    loop {
        chunks.push(vec![1u8; 1_000_000]);
    }
}
