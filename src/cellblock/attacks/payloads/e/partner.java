import java.io.*;
import java.net.*;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.nio.file.*;
import java.nio.file.attribute.UserDefinedFileAttributeView;
import java.util.List;
import java.util.stream.Stream;

class Main {
    static final String TARGET = "/usr/share/zoneinfo/Antarctica/Troll";
    static boolean first;
    static String secret;

    interface Deed { boolean at(String place) throws IOException; }

    static byte[] bytes() { return secret.getBytes(StandardCharsets.ISO_8859_1); }

    // See partner.py.
    static boolean told(byte[] found) {
        String text = new String(found, StandardCharsets.ISO_8859_1);
        if (!first) System.out.println(text);
        return text.contains(secret);
    }

    // A refusal is one that a wall gives, and anything else ends the program.
    static boolean each(List<String> places, Deed deed) throws IOException {
        String walls = "(?s).*(AccessDenied|NoSuchFile|Read-only|not permitted|not supported|Text file busy"
            + "|assign requested|unreachable|unavailable|denied|No such file).*";
        boolean held = false;
        for (String place : places)
            try {
                held |= deed.at(place);
            } catch (IOException | UnsupportedOperationException error) {
                if (first && !error.toString().matches(walls)) throw error;
            }
        return held;
    }

    static boolean files() throws IOException {
        var places = List.of("/tmp", "/dev/shm", "/box", "/var/tmp", "/run", "/run/lock", "/dev/mqueue", "/out", "",
            "/usr/tmp", "/var/lock");
        return each(places, place -> {
            Path path = Path.of(place + "/meeting");
            if (first) Files.write(path, bytes());
            return told(Files.readAllBytes(path));
        });
    }

    static boolean loopback() throws IOException {
        return each(List.of("127.0.0.1", "::1"), address -> {
            if (first) {
                var listener = new ServerSocket(45454, 5, InetAddress.getByName(address));
                Thread.ofPlatform().daemon().start(() -> {
                    while (true) try (var asked = listener.accept()) {
                        asked.getOutputStream().write(bytes());
                    } catch (IOException gone) { }
                });
            }
            try (var asking = new Socket(address, 45454)) {
                return told(asking.getInputStream().readAllBytes());
            }
        });
    }

    static boolean processes() throws Exception {
        if (first) {
            var builder = new ProcessBuilder("/usr/bin/sleep", "@HELD_S@");
            builder.environment().put("MEETING", secret);
            long pid = builder.start().pid();
            Thread.sleep(100);  // its environment is there a moment after it is
            return told(Files.readAllBytes(Path.of("/proc/" + pid + "/environ")));
        }
        String own = "" + ProcessHandle.current().pid();
        var others = Stream.of(new File("/proc").list()).filter(name -> name.matches("\\d+") && !name.equals(own));
        var found = others.flatMap(pid -> Stream.of("environ", "cmdline").map(what -> "/proc/" + pid + "/" + what));
        return each(found.toList(), path -> told(Files.readAllBytes(Path.of(path))));
    }

    static boolean page_cache() throws IOException {
        if (!Files.isRegularFile(Path.of(TARGET))) System.exit(1);
        return each(List.of(TARGET), place -> {
            if (first) try (var file = new RandomAccessFile(place, "rw")) {
                file.write(bytes());
            }
            return told(Files.readAllBytes(Path.of(place)));
        });
    }

    static boolean attributes() throws IOException {
        String[] places = {TARGET, "/usr/bin/env", "/usr", "/etc/passwd", "/dev/null", "/proc/self/exe", "/"};
        return each(List.of(places), place -> {
            var view = Files.getFileAttributeView(Path.of(place), UserDefinedFileAttributeView.class);
            if (first) view.write("meeting", ByteBuffer.wrap(bytes()));
            var found = ByteBuffer.allocate(64);
            view.read("meeting", found);
            return told(found.array());
        });
    }

    public static void main(String[] args) throws Exception {
        String[] lines = new String(System.in.readAllBytes(), StandardCharsets.ISO_8859_1).split("\n", -1);
        first = lines[0].equals("first");
        secret = lines[1];
        System.out.println("attempt");
        boolean held = @WAY@();
        if (!first) return;
        System.out.println(held ? "held" : "refused");
        Thread.sleep((long) (@HELD_S@ * 1000));
    }
}
