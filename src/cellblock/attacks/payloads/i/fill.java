import java.io.IOException;
import java.nio.file.*;

class Main {
    public static void main(String[] args) {
        System.out.println("attempt");
        for (String place : new String[] {"/box", "/tmp", "/dev/shm", "/out", "/var/tmp", "/run", ""})
            try {
                for (int number = 0; ; number++) Files.write(Path.of(place + "/fill" + number), new byte[900_000]);
            } catch (IOException error) {
                System.out.println(place + " " + error);
            }
    }
}
