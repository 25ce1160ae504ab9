import java.nio.file.*;

class Main {
    public static void main(String[] args) throws Exception {
        System.out.println("attempt");
        // See layout.py.
        for (String line : Files.readAllLines(Path.of("/proc/self/maps")))
            if (line.matches(".*(\\[stack\\]|\\[heap\\]|libc\\.so.*)$")) System.out.println("map " + line.split(" ")[0]);
    }
}
