import java.lang.foreign.*;
import java.nio.file.*;

class Main {
    static final Linker LIBC = Linker.nativeLinker();

    static void call(String name, long... arguments) throws Throwable {
        var types = new MemoryLayout[arguments.length];
        java.util.Arrays.fill(types, ValueLayout.JAVA_LONG);
        var function = LIBC.downcallHandle(LIBC.defaultLookup().findOrThrow(name), FunctionDescriptor.ofVoid(types));
        function.invokeWithArguments(java.util.Arrays.stream(arguments).boxed().toList());
    }

    interface Deed { Object apply() throws Exception; }

    public static void main(String[] args) throws Throwable {
        System.out.println("attempt");
        // O_DIRECT, which has another number there, and O_NONBLOCK.
        int flags = System.getProperty("os.arch").equals("aarch64") ? 0204000 : 044000;
        for (int fd = 0; fd < 3; fd++) {
            String path = "/proc/self/fd/" + fd;
            // Beside the file that a stream is, where it is one.
            try {
                System.out.println(Files.readString(Files.readSymbolicLink(Path.of(path)).resolveSibling("secret")));
                System.out.flush();
            } catch (java.io.IOException refused) { }
            call("fchmod", fd, 0777);
            call("fchown", fd, 0, 0);
            call("ftruncate", fd, 1L << 40);
            call("fcntl", fd, 1031, 1 << 30);  // F_SETPIPE_SZ
            call("fcntl", fd, 4, flags);  // F_SETFL
            call("fcntl", fd, 8, 1);  // F_SETOWN
            Deed[] deeds = {
                () -> Files.setPosixFilePermissions(Path.of(path), java.util.Set.of()),
                () -> new java.io.RandomAccessFile(path, "rw"),
                () -> Files.move(Path.of(path), Path.of("/box/x")),
            };
            for (var deed : deeds) try { deed.apply(); } catch (Exception refused) { }
        }
    }
}
