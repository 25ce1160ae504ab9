import java.util.concurrent.*;
import java.util.concurrent.atomic.*;
import java.util.stream.*;

public class Main {
    public static void main(String[] args) throws Exception {
        var total = new LongAdder();
        try (var pool = Executors.newFixedThreadPool(4)) { for (int n = 0; n < 100; n++) { int each = n; pool.submit(() -> total.add(each)); } }
        System.out.println(total);
        try (var virtual = Executors.newVirtualThreadPerTaskExecutor()) {
            System.out.println(IntStream.range(0, 500).mapToObj(n -> virtual.submit(() -> n * n)).toList().stream().mapToInt(f -> { try { return f.get(); } catch (Exception e) { return -1; } }).sum());
        }
        System.out.println(CompletableFuture.supplyAsync(() -> 6).thenCombine(CompletableFuture.supplyAsync(() -> 7), (a, b) -> a * b).get());
        System.out.println(IntStream.rangeClosed(1, 1000).parallel().mapToObj(String::valueOf).collect(Collectors.joining()).hashCode());
        var child = new ProcessBuilder("/bin/sh", "-c", "cat; exit 6").redirectErrorStream(true).start();
        try (var to = child.getOutputStream()) { to.write("through cat\n".getBytes()); }
        System.out.print(new String(child.getInputStream().readAllBytes()) + child.waitFor() + "\n");
        Thread failing = new Thread(() -> { throw new IllegalArgumentException("in a thread"); }, "worker-7");
        failing.start();
        failing.join();
        System.out.println("main goes on");
    }
}
