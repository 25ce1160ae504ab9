import java.nio.file.*;

class Main {
    // 42: no limit of files ended it.
    public static void main(String[] args) {
        System.out.println("attempt");
        String ended = "";
        for (int made = 0; made < 32768 && ended.isEmpty(); made++)
            try {
                Files.createFile(Path.of("/tmp/" + made));
            } catch (java.io.IOException error) {
                System.out.println(made + " " + error);
                ended = error.toString();
            }
        System.exit(ended.contains("No space left") ? 0 : 42);
    }
}
