import java.util.*;

public class Main {
    static class Refused extends RuntimeException {
        Refused(int amount, Throwable cause) { super("cannot take " + amount + ": größer", cause); }
    }
    record Resource(String name) implements AutoCloseable {
        public void close() { System.out.println("closed " + name); throw new IllegalStateException("while closing " + name); }
    }
    static int inner(int n) { return n == 0 ? Integer.parseInt("zwölf") : inner(n - 1); }
    static void outer() {
        try (var one = new Resource("one"); var two = new Resource("two")) { inner(2); }
        catch (NumberFormatException cause) { throw new Refused(12, cause); }
    }
    public static void main(String[] args) {
        try { outer(); } catch (Refused refused) { System.out.println(refused.getMessage() + Arrays.toString(refused.getCause().getSuppressed())); }
        try { Object text = "x"; System.out.println((Integer) text); } catch (ClassCastException error) { System.out.println(error.getMessage()); }
        try { int[] few = new int[2]; few[2] = 1; } catch (ArrayIndexOutOfBoundsException error) { System.out.println(error.getMessage()); }
        try { String none = args.length > 100 ? "" : null; none.length(); } catch (NullPointerException error) { System.out.println(error.getMessage()); }
        outer();
    }
}
