import java.lang.foreign.*;
import static java.lang.foreign.ValueLayout.*;

class Main {
    public static void main(String[] args) throws Throwable {
        System.out.println("attempt");
        Linker linker = Linker.nativeLinker();
        SymbolLookup libc = linker.defaultLookup();
        var socket = linker.downcallHandle(libc.find("socket").get(), FunctionDescriptor.of(JAVA_INT, JAVA_INT, JAVA_INT, JAVA_INT));
        var sendto = linker.downcallHandle(libc.find("sendto").get(),
            FunctionDescriptor.of(JAVA_LONG, JAVA_INT, ADDRESS, JAVA_LONG, JAVA_INT, ADDRESS, JAVA_INT));
        int sent = 0;
        try (Arena arena = Arena.ofConfined()) {
            MemorySegment echo = arena.allocateFrom("\10\0\0\0\0\0\0\0@MARK@");
            MemorySegment to = arena.allocateFrom(JAVA_BYTE, new byte[] {2, 0, 0, 0, 127, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0});
            for (int kind : new int[] {3, 2}) {
                int raw = (int) socket.invokeExact(2, kind, 1);
                if (raw >= 0 && (long) sendto.invokeExact(raw, echo, echo.byteSize() - 1, 0, to, 16) > 0) sent++;
            }
        }
        System.exit(sent);
    }
}
