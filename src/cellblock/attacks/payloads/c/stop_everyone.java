import java.lang.foreign.*;

import static java.lang.foreign.ValueLayout.*;

class Main {
    static final int STOP = 19, TERM = 15, USR1 = 10, KILL = 9;

    public static void main(String[] args) throws Throwable {
        System.out.println("attempt");
        var libc = Linker.nativeLinker();
        var find = libc.defaultLookup();
        var kill = libc.downcallHandle(find.findOrThrow("kill"), FunctionDescriptor.of(JAVA_INT, JAVA_INT, JAVA_INT));
        var signal = libc.downcallHandle(find.findOrThrow("signal"), FunctionDescriptor.of(JAVA_LONG, JAVA_INT, JAVA_LONG));
        for (int number : new int[] {TERM, USR1}) signal.invokeWithArguments(number, 1L);  // ignored
        int parent = (int) ProcessHandle.current().parent().map(ProcessHandle::pid).orElse(1L).longValue();
        for (int number : new int[] {STOP, TERM, USR1, KILL})
            for (int pid : new int[] {-1, 0, 1, @VICTIM_PIDS@, @SUPERVISOR_PID@, parent})
                if (pid != 0 || (number != STOP && number != KILL)) kill.invokeWithArguments(pid, number);
    }
}
