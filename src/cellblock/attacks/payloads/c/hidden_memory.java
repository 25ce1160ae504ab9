import java.lang.foreign.*;
import java.lang.invoke.MethodHandle;
import java.util.HashMap;

import static java.lang.foreign.ValueLayout.*;

class Main {
    static final Linker LIBC = Linker.nativeLinker();
    static final HashMap<String, MethodHandle> FUNCTIONS = new HashMap<>();
    static final int SIZE = 1 << 16;
    static final MemorySegment BLOCK = Arena.global().allocate(SIZE).fill((byte) 1);

    static long call(String name, Object... arguments) throws Throwable {
        var types = new MemoryLayout[arguments.length];
        for (int n = 0; n < types.length; n++) types[n] = arguments[n] instanceof Long ? JAVA_LONG : ADDRESS;
        return (long) FUNCTIONS.computeIfAbsent(name, known -> LIBC.downcallHandle(
            LIBC.defaultLookup().findOrThrow(known), FunctionDescriptor.of(JAVA_LONG, types))).invokeWithArguments(arguments);
    }

    static MemorySegment text(String value) { return Arena.global().allocateFrom(value); }

    static long held, told;

    // Each goes on until it is refused; what it holds it keeps until the end, and says how much that is.
    static boolean hold(long size) {
        if (size <= 0) return false;
        held += size;
        if (held - told >= 1 << 20) System.out.println("held " + (told = held));
        if (held >= 2L << 30) Runtime.getRuntime().halt(42);  // nobody refuses
        return true;
    }

    static void shared() throws Throwable {
        for (long area; (area = call("mmap", MemorySegment.NULL, 1L << 20, 2L, 0x21L, -1L, 0L)) != -1; hold(1 << 20))
            MemorySegment.ofAddress(area).reinterpret(1L << 20).fill((byte) 1);
    }

    static void memfd() throws Throwable {
        for (int fd; (fd = (int) call("memfd_create", text("x"), 0L)) >= 0;)
            for (int n = 0; n < 15; n++) hold(call("write", (long) fd, BLOCK, (long) SIZE));
    }

    static void tmpfs(String place) throws Throwable {
        for (int number = 0; ; number++, hold(1_000_000)) java.nio.file.Files.write(java.nio.file.Path.of(place, "" + number), new byte[1_000_000]);
    }

    static void sysv() throws Throwable {
        for (long area; (area = call("shmat", call("shmget", 0L, 1L << 20, 01777L), 0L, 0L)) != -1; hold(1 << 20))
            MemorySegment.ofAddress(area).reinterpret(1 << 20).fill((byte) 1);
    }

    static void pipes() throws Throwable {
        for (var ends = Arena.global().allocate(8); (int) call("pipe2", ends, 04000L) == 0;) {
            long end = ends.get(JAVA_INT, 4);
            call("fcntl", end, 1031L, 1L << 20);
            while (hold(call("write", end, BLOCK, (long) SIZE))) { }
        }
    }

    static void sockets() throws Throwable {
        var size = Arena.global().allocateFrom(JAVA_INT, 1 << 30);
        for (var pair = Arena.global().allocate(8); (int) call("socketpair", 1L, 04001L, 0L, pair) == 0;) {
            long one = pair.get(JAVA_INT, 0);
            call("setsockopt", one, 1L, 7L, size, 4L);
            while (hold(call("write", one, BLOCK, (long) SIZE))) { }
        }
    }

    static void messages() throws Throwable {
        for (int queue; (queue = (int) call("msgget", 0L, 01777L)) >= 0;)
            while ((int) call("msgsnd", (long) queue, BLOCK, 8000L, 04000L) == 0) hold(8000);
    }

    static void semaphores() throws Throwable {
        while ((int) call("semget", 0L, 32000L, 01777L) >= 0) hold(32000 * 64);  // each is on a cache line of its own
    }

    static void queues() throws Throwable {
        int queue;
        for (int number = 0; (queue = (int) call("mq_open", text("/" + number), 04102L, 0666L, MemorySegment.NULL)) >= 0; number++)
            while ((int) call("mq_send", (long) queue, BLOCK, 8000L, 0L) == 0) hold(8000);
    }

    public static void main(String[] args) {
        System.out.println("attempt");
        try { @WAY@; } catch (Throwable refused) { System.out.println(refused); }
        System.out.println("held " + held);
    }
}
