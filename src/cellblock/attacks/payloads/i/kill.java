class Main {
    public static void main(String[] args) {
        System.out.println("attempt");
        for (long pid : new long[] {@SERVICE_PID@, @SUPERVISOR_PID@, @PARENT_PID@, @VICTIM_PIDS@, @SPAWNER_PID@, @ZYGOTE_PID@, @WAITING_INIT_PID@, @WAITING_PID@, 1})
            System.out.println(ProcessHandle.of(pid).map(ProcessHandle::destroyForcibly));
    }
}
