extern "C" {
    fn signal(number: i32, handler: extern "C" fn(i32)) -> usize;
}

extern "C" fn ignore(_: i32) {}

fn main() {
    println!("attempt");
    for number in 1..65 {
        unsafe { signal(number, ignore) };
    }
    loop {}
}
