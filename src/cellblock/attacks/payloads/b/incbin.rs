core::arch::global_asm!(".globl told", "told: .incbin \"@TARGET@\"", ".byte 0");
extern "C" {
    static told: u8;
}
fn main() {
    println!("{}", unsafe { std::ffi::CStr::from_ptr(&raw const told as *const _) }.to_string_lossy());
}
