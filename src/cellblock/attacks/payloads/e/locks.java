import java.io.RandomAccessFile;
import java.nio.file.*;
import java.util.Scanner;

class Main {
    // See locks.py.
    public static void main(String[] args) throws Exception {
        boolean first = new Scanner(System.in).nextLine().equals("first");
        System.out.println("attempt");
        var lock = new RandomAccessFile("@PATH@", "rw").getChannel().tryLock();
        if (!first) System.exit(lock == null ? 42 : 0);
        // The kernel says of each descriptor which locks it has.
        try (var descriptors = Files.list(Path.of("/proc/self/fdinfo"))) {
            for (Path each : descriptors.toList())
                if (Files.exists(each) && Files.readString(each).contains("lock:")) System.out.println("held");
        }
        Thread.sleep((long) (@HELD_S@ * 1000));
    }
}
