import java.lang.foreign.*;
import java.net.*;
import java.nio.channels.ServerSocketChannel;
import java.nio.file.*;
import java.util.*;

import static java.lang.foreign.ValueLayout.*;

class Main {
    static final Linker LIBC = Linker.nativeLinker();
    static final List<Object> KEPT = new ArrayList<>();

    // What Java has no words for.
    static void call(String name, Object... arguments) throws Throwable {
        var types = new MemoryLayout[arguments.length];
        for (int n = 0; n < types.length; n++) {
            types[n] = arguments[n] instanceof String ? ADDRESS : JAVA_INT;
            if (arguments[n] instanceof String text) arguments[n] = Arena.global().allocateFrom(text);
        }
        var described = FunctionDescriptor.of(JAVA_INT, types);
        var function = LIBC.downcallHandle(LIBC.defaultLookup().findOrThrow(name), described);
        if ((int) function.invokeWithArguments(arguments) < 0) throw new java.io.IOException(name);
    }

    // See links.py.
    static void leave(int kind, Path path, Path before) throws Throwable {
        switch (kind) {
            case 0 -> Files.createSymbolicLink(path, Path.of("@SECRET@"));
            case 1 -> {
                try {
                    Files.createLink(path, Path.of("@SECRET@"));
                } catch (java.io.IOException refused) {
                    Files.createLink(path, before);
                }
            }
            case 2 -> Files.createSymbolicLink(path, Path.of("@CANARY_DIR@/open"));
            case 3 -> Files.createSymbolicLink(path, Path.of("@CANARY_DIR@"));
            case 4 -> call("mkfifo", path.toString(), 0666);
            default -> {
                var server = ServerSocketChannel.open(StandardProtocolFamily.UNIX);
                server.bind(UnixDomainSocketAddress.of(path));
                KEPT.add(server);
            }
        }
    }

    public static void main(String[] args) throws Throwable {
        System.out.println("attempt");
        call("umask", 0);
        String[] names = {"Main.java", "stdout", "stderr", "Main.class", "stdin", "result",
            "output", "out", "core", "compile.log", "code", "box"};
        int shift = 0;
        for (String place : List.of("/box", "/tmp", "/dev/shm", "/out")) {
            Path before = null;
            for (int number = 0; number < names.length; number++) {
                Path path = Path.of(place, names[number]);
                try {
                    Files.deleteIfExists(path);
                    leave((number + shift) % 6, path, before);
                } catch (java.io.IOException refused) {
                    if (!place.equals("/out")) throw refused;  // the compiler's
                }
                before = path;
            }
            shift += 2;
        }
        call("mkdir", "/box/deep", 0777);
        call("chdir", "/box/deep");
        for (int n = 0; n < 2000; n++) {
            call("mkdir", "d", 0777);
            call("chdir", "d");
        }
        call("symlink", "@CANARY_DIR@", "bait");
        call("chmod", "/box", 0);
    }
}
