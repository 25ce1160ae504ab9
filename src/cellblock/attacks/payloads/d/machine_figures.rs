extern "C" {
    fn sysinfo(told: *mut u64) -> i32;
}
fn main() {
    println!("attempt");
    let mut told = [0u64; 32];
    let result = unsafe { sysinfo(told.as_mut_ptr()) };
    println!("{result} {told:?}");
    // After uptime and three loads comes the memory, in units of what the lower half of another word says.
    let unit = told[13] & 0xffff_ffff;
    std::process::exit((result == 0 && told[4] * unit == @MEMORY_BYTES@) as i32);
}
