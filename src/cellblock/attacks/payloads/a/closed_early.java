import java.lang.foreign.*;

import static java.lang.foreign.ValueLayout.*;

class Main {
    public static void main(String[] args) throws Throwable {
        System.out.println("attempt");
        var libc = Linker.nativeLinker();
        // Streams that Java closes it opens again itself, of /dev/null.
        var close = libc.downcallHandle(libc.defaultLookup().findOrThrow("close"), FunctionDescriptor.of(JAVA_INT, JAVA_INT));
        for (int fd = 0; fd < 3; fd++) { int closed = (int) close.invokeExact(fd); }
        for (int fd = 0; fd < 3; fd++) new java.io.RandomAccessFile("/dev/full", "rw");
        var out = new java.io.FileOutputStream(java.io.FileDescriptor.out);
        for (int n = 0; n < 100_000; n++) try { out.write('x'); } catch (java.io.IOException full) { }
    }
}
