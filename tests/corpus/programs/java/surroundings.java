import java.nio.file.*;
import java.util.*;
import java.util.stream.*;

public class Main {
    public static void main(String[] args) throws Exception {
        System.out.println(Arrays.toString(args) + new TreeMap<>(System.getenv()));
        for (String name : List.of("user.dir", "java.io.tmpdir", "file.encoding", "stdout.encoding", "line.separator", "java.class.path", "java.version", "user.language", "user.timezone"))
            System.out.println(name + "=" + System.getProperty(name));
        try (Stream<Path> files = Files.list(Path.of("."))) { System.out.println(files.sorted().toList()); }
        System.out.println(Thread.currentThread() + " " + Thread.activeCount() + " " + Main.class.getClassLoader().getClass().getName());
        Files.createDirectories(Path.of("a/b"));
        Files.writeString(Path.of("a/b/x.txt"), "größer\n".repeat(1000));
        System.out.println(Files.size(Path.of("a/b/x.txt")) + " " + Files.getPosixFilePermissions(Path.of("a/b/x.txt")));
        Runtime.getRuntime().addShutdownHook(new Thread(() -> System.out.println("hook")));
        System.err.println("to stderr ü");
        System.exit(43);
    }
}
