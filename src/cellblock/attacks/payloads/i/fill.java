import java.io.IOException;
import java.nio.file.*;

class Main {
    // 42: a file is where none may be, or no limit of bytes ended it.
    public static void main(String[] args) {
        System.out.println("attempt");
        for (String place : new String[] {"/out", "/var/tmp", "/run", ""})
            try {
                Files.createFile(Path.of(place + "/fill"));
                System.exit(42);
            } catch (IOException refused) { System.out.println(refused); }
        int made = 0;
        byte[] bytes = new byte[900_000];
        for (String place : new String[] {"/box", "/tmp", "/dev/shm"})
            try {
                for (; made < 1200; made++) Files.write(Path.of(place + "/fill" + made), bytes);
                System.exit(42);
            } catch (IOException error) {
                System.out.println(place + " " + error);
                if (!String.valueOf(error.getMessage()).contains("No space left")) System.exit(42);
            }
    }
}
