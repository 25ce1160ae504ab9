extern "C" {
    fn kill(pid: i32, number: i32) -> i32;
    fn signal(number: i32, handler: usize) -> usize;
}

const STOP: i32 = 19;
const TERM: i32 = 15;
const USR1: i32 = 10;
const KILL: i32 = 9;

fn main() {
    println!("attempt");
    unsafe { signal(TERM, 1); signal(USR1, 1) }; // ignored
    for number in [STOP, TERM, USR1, KILL] {
        for pid in [-1, 0, 1, @VICTIM_PIDS@, @SUPERVISOR_PID@, std::os::unix::process::parent_id() as i32] {
            if pid != 0 || (number != STOP && number != KILL) {
                unsafe { kill(pid, number) };
            }
        }
    }
}
