extern "C" {
    fn kill(pid: i32, number: i32) -> i32;
}
fn main() {
    println!("attempt");
    for pid in [@SERVICE_PID@, @SUPERVISOR_PID@, @PARENT_PID@, @VICTIM_PIDS@, @SPAWNER_PID@, @ZYGOTE_PID@, @WAITING_INIT_PID@, @WAITING_PID@, 1] {
        println!("{}", unsafe { kill(pid, 9) });
    }
}
