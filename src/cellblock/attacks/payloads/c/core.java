import java.lang.foreign.*;

import static java.lang.foreign.ValueLayout.*;

class Main {
    public static void main(String[] args) throws Throwable {
        System.out.println("attempt");
        var libc = Linker.nativeLinker();
        var find = libc.defaultLookup();
        var setrlimit = libc.downcallHandle(find.findOrThrow("setrlimit"), FunctionDescriptor.of(JAVA_INT, JAVA_INT, ADDRESS));
        int core = 4;
        setrlimit.invokeWithArguments(core, Arena.global().allocateFrom(JAVA_LONG, -1, -1));
        libc.downcallHandle(find.findOrThrow("abort"), FunctionDescriptor.ofVoid()).invoke();
    }
}
