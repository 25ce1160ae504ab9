import java.io.File;
import java.net.*;
import java.nio.channels.SocketChannel;
import java.nio.charset.StandardCharsets;
import java.nio.file.*;

class Main {
    public static void main(String[] args) {
        System.out.println("attempt");
        boolean found = false;
        var all = new StringBuilder(System.getenv().toString() + System.getProperties());
        for (String path : new String[] {"/proc/1/environ", "/proc/self/environ", "/proc/@SUPERVISOR_PID@/environ", "/proc/@SERVICE_PID@/environ", "/proc/@PARENT_PID@/environ", "@SECRET@", "/proc/1/root@SECRET@", "@DATA_DIR@/cellblock.db"})
            try {
                all.append(new String(Files.readAllBytes(Path.of(path)), StandardCharsets.ISO_8859_1));
                found |= path.endsWith(".db");
            } catch (java.io.IOException error) { System.out.println(error); }
        for (String path : new String[] {"@DATA_DIR@", "@RUNTIME_DIR@", "/proc/1/root@DATA_DIR@", "/proc/1/root@RUNTIME_DIR@"}) {
            String[] names = new File(path).list();
            found |= names != null && names.length > 0;
        }
        for (String fd : new File("/proc/self/fd").list())
            try {
                String link = Files.readSymbolicLink(Path.of("/proc/self/fd/" + fd)).toString();
                // What its own runtime opens is not among these.
                boolean ours = link.matches("(socket:|/memfd:|/sys/|anon_inode:seccomp|@DATA_DIR@|@RUNTIME_DIR@).*");
                if (Integer.parseInt(fd) > 2) System.out.println(fd + " " + link);
                found |= Integer.parseInt(fd) > 2 && ours;
            } catch (java.io.IOException gone) { }
        // Last: its runtime keeps a socket pair of its own from then on.
        try (var asking = SocketChannel.open(UnixDomainSocketAddress.of("@SOCKET@"))) {
            found = true;
        } catch (java.io.IOException error) { System.out.println(error); }
        System.out.println(all);
        System.exit(found || all.indexOf("CELLBLOCK") >= 0 ? 42 : 0);
    }
}
