import java.io.FileOutputStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.*;
import java.util.*;

class Main {
    public static void main(String[] args) throws Exception {
        System.out.println("attempt");
        // What a runtime that was started ahead of this program may have left to it, and what can be done with that.
        var left = new ArrayList<String>();
        var descriptors = new ArrayList<Path>();
        try (var listed = Files.newDirectoryStream(Path.of("/proc/self/fd"))) {
            listed.forEach(descriptors::add);
        }
        for (Path fd : descriptors) {
            String link;
            try {
                link = Files.readSymbolicLink(fd).toString();
            } catch (Exception gone) {
                continue;
            }
            if (Integer.parseInt(fd.getFileName().toString()) < 3) continue;
            if (!link.matches("(socket:|/memfd:|/sys/|anon_inode:\\[pidfd|anon_inode:seccomp).*")) continue;
            left.add(fd + " " + link);
            try (var stream = new FileOutputStream(fd.toFile())) {
                stream.write("j".getBytes());
            } catch (Exception refused) {
            }
        }
        String environment = new String(Files.readAllBytes(Path.of("/proc/self/environ")), StandardCharsets.ISO_8859_1);
        for (String name : List.of("LD_PRELOAD", "CELLBLOCK"))
            if ((environment + System.getenv()).contains(name)) left.add(name);
        if (ProcessHandle.current().parent().map(ProcessHandle::pid).orElse(1L) != 1) left.add("family");
        if (!left.isEmpty()) throw new Exception(left.toString());
    }
}
