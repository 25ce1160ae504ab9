import java.io.*;
import java.nio.channels.FileChannel;
import java.nio.file.*;
import static java.nio.file.StandardOpenOption.*;

class Main {
    interface Deed { boolean done() throws IOException; }

    static int won = 0;

    static void attempt(String what, Deed deed) {
        try { if (deed.done()) { won++; System.out.println(what); } } catch (IOException refused) { }
    }

    static boolean open(String path, OpenOption... options) throws IOException {
        FileChannel.open(Path.of(path), options).close();
        return true;
    }

    static boolean create(String path) throws IOException {
        open(path, WRITE, CREATE_NEW);
        Files.delete(Path.of(path));
        return true;
    }

    static boolean write(String path, String text) throws IOException {
        try (var file = FileChannel.open(Path.of(path), WRITE)) {
            return file.write(java.nio.ByteBuffer.wrap(text.getBytes())) > 0;
        }
    }

    static boolean read(String path) throws IOException {
        try (var file = new FileInputStream(path)) { return file.read() >= 0; }
    }

    public static void main(String[] args) {
        System.out.println("attempt");
        // Nothing is written to what may be opened for writing: that it may is enough.
        for (String path : "@WRITES@".split(" ")) attempt(path, () -> open(path, WRITE));
        for (String path : "@CREATES@".split(" ")) attempt(path, () -> create(path));
        for (String own : "@OWN@".split(";")) attempt(own, () -> write(own.split("=")[0], own.split("=")[1]));
        for (String path : "@READS@".split(" ")) attempt(path, () -> read(path));
        for (String path : "@LISTS@".split(" ")) attempt(path, () -> new File(path).list() instanceof String[] found && found.length > 0);
        attempt("group", () -> !Files.readAllLines(Path.of("/proc/self/cgroup")).stream().allMatch(line -> line.endsWith(":/")));
        System.exit(won);
    }
}
