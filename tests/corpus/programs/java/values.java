import java.math.*;
import java.time.*;
import java.util.*;
import java.util.function.*;
import java.util.stream.*;

public class Main {
    sealed interface Shape permits Circle, Square {}
    record Circle(double r) implements Shape {}
    record Square(double s) implements Shape {}
    enum Colour { RED, GREEN { @Override public String toString() { return "green!"; } } }
    static double area(Shape shape) { return switch (shape) { case Circle(double r) -> Math.PI * r * r; case Square(double s) when s > 100 -> -1; case Square s -> s.s() * s.s(); }; }
    static int ackermann(int m, int n) { return m == 0 ? n + 1 : ackermann(m - 1, n == 0 ? 1 : ackermann(m, n - 1)); }
    public static void main(String[] args) {
        System.out.println((0.1 + 0.2) + " " + 1.0 / 3 + " " + Double.MIN_VALUE + " " + (float) 0.1 + " " + -0.0 + " " + 0.0 / 0 + " " + Math.sin(1e6) + " " + 1e21);
        System.out.println(BigInteger.TWO.pow(200) + " " + new BigDecimal("1").divide(new BigDecimal("7"), MathContext.DECIMAL128) + " " + (char) ('a' + 1) + (byte) 200 + (1 << 33) + (-7 >>> 28));
        System.out.println(String.format(Locale.GERMANY, "%,.2f|%08d|%-6s|%x|%e", 1234567.891, 42, "ü", 255, 12345.678));
        List<Integer> drawn = new Random(42).ints(1000, 0, 100000).boxed().sorted(Comparator.reverseOrder()).toList();
        System.out.println(drawn.getFirst() + " " + drawn.get(500) + " " + drawn.getLast() + " " + drawn.hashCode());
        Map<Integer, String> byLength = Stream.of("zebra", "Apfel", "ärger", "fig").sorted().collect(Collectors.groupingBy(String::length, TreeMap::new, Collectors.joining("+")));
        System.out.println(byLength);
        System.out.println(area(new Circle(1.5)) + " " + area(new Square(2)) + " " + Arrays.toString(Colour.values()) + new Circle(2) + " " + ackermann(2, 500));
        System.out.println(LocalDate.of(2024, 2, 29).plusYears(1) + " " + Duration.ofSeconds(3725) + " " + ZonedDateTime.ofInstant(Instant.EPOCH, ZoneId.of("Europe/Berlin")));
        System.out.println("straße".toUpperCase() + "日本語".codePointCount(0, 3) + "👩‍👩‍👧".length() + """
            text
              block\tü
            """.indent(1) + "a,b,,".split(",").length + new StringBuilder("abc").reverse());
        Map<String, Integer> hashed = new HashMap<>();
        for (int n = 0; n < 20; n++) hashed.merge("key" + n % 7, n, Integer::sum);
        System.out.println(hashed + " " + new HashSet<>(List.of("x", "yy", "zzz")) + " " + Objects.hash(1, "a", 2.5));
        BiFunction<Integer, Integer, Integer> add = Integer::sum;
        System.out.println(add.andThen(n -> n * 2).apply(3, 4));
    }
}
