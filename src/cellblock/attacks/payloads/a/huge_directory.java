import java.nio.file.*;

class Main {
    // 42: no limit of files ended it.
    public static void main(String[] args) {
        System.out.println("attempt");
        String ended = "";
        for (int made = 0; made < 32768 && ended.isEmpty(); made++)
            try {
                Files.createSymbolicLink(Path.of("/tmp/%0200d".formatted(made)), Path.of("x".repeat(3000)));
            } catch (java.io.IOException error) {
                ended = ((FileSystemException) error).getReason();
                System.out.println(made + " " + ended);
            }
        System.exit(ended.contains("No space left") ? 0 : 42);
    }
}
