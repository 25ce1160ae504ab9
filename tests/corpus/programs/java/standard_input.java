import java.io.*;
import java.util.*;

public class Main {
    public static void main(String[] args) throws IOException {
        var reader = new BufferedReader(new InputStreamReader(System.in));
        System.out.println(reader.readLine());
        var scanner = new Scanner(reader);
        long sum = 0;
        int words = 0;
        while (scanner.hasNext()) if (scanner.hasNextInt()) sum += scanner.nextInt(); else { scanner.next(); words++; }
        System.out.println(sum + " " + words);
        for (int n = 0; n < 20_000; n++) System.out.println(n + " " + "é".repeat(n % 30));
        overflow(0);
    }
    static void overflow(int depth) {
        try { recurse(1); } catch (StackOverflowError error) { System.out.println("overflowed, " + (error.getStackTrace().length == 1024)); }
        throw new NoSuchElementException("end of the program");
    }
    static int recurse(int n) { return recurse(n + 1) + 1; }
}
