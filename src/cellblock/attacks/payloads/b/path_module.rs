#[path = "@TARGET@"]
mod told;
fn main() {}
