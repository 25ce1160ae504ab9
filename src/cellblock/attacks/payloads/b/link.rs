#[link(name = "/../../../../../../../../../..@TARGET@", kind = "static", modifiers = "+verbatim,-bundle")]
extern "C" {
    fn told();
}
fn main() {
    println!("attempt");
    unsafe { told() }
}
