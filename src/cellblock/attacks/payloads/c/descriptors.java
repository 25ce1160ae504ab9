import java.lang.foreign.*;
import java.lang.invoke.MethodHandle;

import static java.lang.foreign.ValueLayout.*;

class Main {
    static final Linker LIBC = Linker.nativeLinker();
    static final MemorySegment STATE = Arena.global().allocate(Linker.Option.captureStateLayout());
    static final int TABLE_FULL = 24, AGAIN = 11;

    static MethodHandle function(String name, MemoryLayout result, MemoryLayout... types) {
        return LIBC.downcallHandle(LIBC.defaultLookup().findOrThrow(name), FunctionDescriptor.of(result, types), Linker.Option.captureCallState("errno"));
    }

    // Files in flight are in nobody's table: send fresh ones into a socket, close them, open more. 42: nobody refuses.
    public static void main(String[] args) throws Throwable {
        System.out.println("attempt");
        var socketpair = function("socketpair", JAVA_INT, JAVA_INT, JAVA_INT, JAVA_INT, ADDRESS);
        var sendmsg = function("sendmsg", JAVA_LONG, JAVA_INT, ADDRESS, JAVA_INT);
        var open = function("open", JAVA_INT, ADDRESS, JAVA_INT);
        var close = function("close", JAVA_INT, JAVA_INT);
        var memory = Arena.global();
        var path = memory.allocateFrom("/dev/null");
        var rights = memory.allocate(16 + 200 * 4, 8);  // struct cmsghdr
        var part = memory.allocate(16, 8);  // struct iovec
        part.set(ADDRESS, 0, memory.allocateFrom("x"));
        part.set(JAVA_LONG, 8, 1);
        var message = memory.allocate(56, 8);  // struct msghdr
        message.set(ADDRESS, 16, part);
        message.set(JAVA_LONG, 24, 1);
        message.set(ADDRESS, 32, rights);
        int sent = 0, refused = 0;
        for (var pair = memory.allocate(8, 4); refused == 0 && sent < 8_000;) {
            if ((int) socketpair.invoke(STATE, 1, 04001, 0, pair) != 0) refused = TABLE_FULL;
            for (boolean full = false; refused == 0 && !full && sent < 8_000;) {
                int count = 0;
                for (int fd; count < 200 && (fd = (int) open.invoke(STATE, path, 0)) >= 0; count++) rights.set(JAVA_INT, 16 + count * 4, fd);
                rights.set(JAVA_LONG, 0, 16 + count * 4);
                rights.set(JAVA_INT, 8, 1);  // SOL_SOCKET, and SCM_RIGHTS
                rights.set(JAVA_INT, 12, 1);
                message.set(JAVA_LONG, 40, 16 + count * 4);
                if (count == 0) refused = TABLE_FULL;
                else if ((long) sendmsg.invoke(STATE, pair.get(JAVA_INT, 0), message, 0) == 1) sent += count;
                else if (STATE.get(JAVA_INT, 0) == AGAIN) full = true;
                else refused = STATE.get(JAVA_INT, 0);
                while (count-- > 0) { int closed = (int) close.invoke(STATE, rights.get(JAVA_INT, 16 + count * 4)); }
            }
        }
        System.out.println("sent " + sent + ", then " + refused);
        Thread.sleep(300);  // the host counts them
        System.exit(sent < 8_000 ? 0 : 42);
    }
}
