import java.io.IOException;
import java.nio.file.*;

class Main {
    public static void main(String[] args) {
        System.out.println("attempt");
        for (int made = 0; ; made++) {
            try {
                Files.createFile(Path.of("/tmp/" + made));
            } catch (IOException error) {
                System.out.println(made + " " + error);
                return;
            }
        }
    }
}
