import java.nio.file.*;

class Main {
    public static void main(String[] args) {
        System.out.println("attempt");
        for (int made = 0; ; made++)
            try {
                Files.createSymbolicLink(Path.of("/tmp/%0200d".formatted(made)), Path.of("x".repeat(3000)));
            } catch (java.io.IOException error) {
                System.out.println(made + " " + ((FileSystemException) error).getReason());
                return;
            }
    }
}
