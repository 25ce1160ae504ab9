import java.lang.foreign.*;

import static java.lang.foreign.ValueLayout.*;

class Main {
    // Of a child its parent is told whether the kernel dumped it, to a file or to the host's program: 42.
    // Java does not pass that on, a shell says it.
    static final String CHILD = "ulimit -H -c unlimited; ulimit -c unlimited; /bin/sh -c 'kill -ABRT $$'; echo ended $?";

    public static void main(String[] args) throws Throwable {
        System.out.println("attempt");
        var libc = Linker.nativeLinker();
        var find = libc.defaultLookup();
        var setrlimit = libc.downcallHandle(find.findOrThrow("setrlimit"), FunctionDescriptor.of(JAVA_INT, JAVA_INT, ADDRESS));
        int core = 4;
        setrlimit.invokeWithArguments(core, Arena.global().allocateFrom(JAVA_LONG, -1, -1));
        var shell = new ProcessBuilder("/bin/sh", "-c", CHILD).redirectErrorStream(true).start();
        String said = new String(shell.getInputStream().readAllBytes());
        System.out.print(said);
        if (!said.contains("ended 134")) System.exit(1);
        if (said.contains("core dumped")) System.exit(42);
        libc.downcallHandle(find.findOrThrow("abort"), FunctionDescriptor.ofVoid()).invoke();
    }
}
