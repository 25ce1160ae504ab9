import java.io.File;
import java.lang.foreign.*;
import java.nio.charset.StandardCharsets;
import java.nio.file.*;
import java.util.*;
import java.util.regex.*;

class Main {
    static String read(String path) throws Exception {
        return new String(Files.readAllBytes(Path.of(path)), StandardCharsets.ISO_8859_1);
    }

    static int call(String name, Object... arguments) throws Throwable {
        var types = new MemoryLayout[arguments.length];
        for (int n = 0; n < types.length; n++) {
            if (arguments[n] instanceof String text) arguments[n] = Arena.global().allocateFrom(text);
            types[n] = arguments[n] instanceof Integer ? ValueLayout.JAVA_INT : ValueLayout.ADDRESS;
        }
        var libc = Linker.nativeLinker();
        var described = FunctionDescriptor.of(ValueLayout.JAVA_INT, types);
        var function = libc.downcallHandle(libc.defaultLookup().findOrThrow(name), described);
        return (int) function.invokeWithArguments(arguments);
    }

    // For the run after it to find.
    static void leave() throws Throwable {
        new File("/tmp/left").createNewFile();
        new File("/dev/shm/left").createNewFile();
        int failed = call("setenv", "LEFT", "1", 1) | call("chdir", "/tmp");
        call("umask", 0);
        failed |= call("sigprocmask", 0, Arena.global().allocate(128).fill((byte) -1), MemorySegment.NULL);
        int parent = call("getppid"), own = (int) ProcessHandle.current().pid();
        for (int pid : new int[] {parent, own}) {
            var few = Arena.global().allocateFrom(ValueLayout.JAVA_LONG, 16, 16);
            var small = Arena.global().allocateFrom(ValueLayout.JAVA_LONG, 1 << 16, 1 << 16);
            int refused = call("setpriority", 0, pid, 3) | call("prlimit", pid, 7, few, MemorySegment.NULL);
            refused |= call("prlimit", pid, 1, small, MemorySegment.NULL);
            if (pid == own) failed |= refused;
        }
        if (failed != 0) throw new Exception("it left nothing");
    }

    // See state.py.
    public static void main(String[] args) throws Throwable {
        System.out.println("attempt");
        var left = new ArrayList<String>();
        String status = read("/proc/self/status");
        if (!status.contains("\nUmask:\t0022\n")) left.add("umask");
        if (!status.contains("\nSigBlk:\t0000000000000000\n")) left.add("blocked signals");
        String stat = read("/proc/self/stat");
        if (!stat.substring(stat.lastIndexOf(')') + 2).split(" ")[16].equals("0")) left.add("nice");
        var limits = Pattern.compile("(?m)^Max ([a-z ]+?)  +(\\S+) +(\\S+)").matcher(read("/proc/self/limits"));
        int count = 0;
        for (; limits.find(); count++) {
            String name = limits.group(1), soft = limits.group(2), hard = limits.group(3);
            boolean low = !hard.equals("unlimited") && Long.parseLong(hard) < (name.equals("open files") ? 24 : name.equals("file size") ? 1 << 20 : 0);
            // The runtime itself raises the soft limit of descriptors, and never the hard one.
            if (!soft.equals(hard) && !name.equals("cpu time") || low) left.add("limit of " + name + " " + soft + " " + hard);
        }
        if (count < 14) left.add("no limits to be read");
        for (String place : new String[] {"/tmp", "/dev/shm"})
            for (String name : new File(place).list()) left.add(place + "/" + name);
        if (ProcessHandle.current().pid() > 10) left.add("pid");
        for (String name : System.getenv().keySet())
            if (!name.matches("PATH|HOME|LANG|LC_.*|TMPDIR|PWD|JAVA_.*|JDK_.*")) left.add(name);
        if (left.isEmpty()) {
            leave();
        } else {
            System.out.println(left);
            System.exit(42);
        }
    }
}
