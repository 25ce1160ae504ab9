import java.nio.file.*;

class Main {
    public static void main(String[] args) throws Exception {
        System.out.println("attempt");
        for (String place : new String[] {"/box", "/tmp", "/dev/shm", "/out"})
            for (String name : new String[] {"Main.java", "Main.class", "stdout", "stderr", "out", "output", "core"})
                try {
                    Files.deleteIfExists(Path.of(place, name));
                    Files.createSymbolicLink(Path.of(place, name), Path.of("@CANARY_DIR@/open"));
                } catch (java.io.IOException error) {
                    System.out.println(error);
                }
    }
}
