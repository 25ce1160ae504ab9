import java.lang.foreign.FunctionDescriptor;
import java.lang.foreign.Linker;

public class Main {
    public static void main(String[] args) throws Throwable {
        Linker linker = Linker.nativeLinker();
        var abort = linker.defaultLookup().find("abort").orElseThrow();
        linker.downcallHandle(abort, FunctionDescriptor.ofVoid()).invokeExact();
    }
}
