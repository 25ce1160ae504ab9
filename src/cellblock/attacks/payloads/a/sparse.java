import java.io.RandomAccessFile;

class Main {
    interface Deed { void on(RandomAccessFile file) throws java.io.IOException; }

    // 42: one of them was made.
    public static void main(String[] args) throws Exception {
        System.out.println("attempt");
        Deed[] deeds = {file -> file.setLength(1L << 40), file -> { file.seek(1L << 40); file.write('x'); }};
        for (String place : new String[] {"/box/sparse", "/tmp/sparse", "/dev/shm/sparse"})
            for (Deed deed : deeds)
                try (var file = new RandomAccessFile(place, "rw")) {
                    deed.on(file);
                    System.exit(42);
                } catch (java.io.IOException error) {
                    System.out.println(error);
                    if (!error.getMessage().contains("too large")) throw error;
                }
    }
}
