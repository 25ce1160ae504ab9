import java.nio.file.*;

class Main {
    public static void main(String[] args) {
        System.out.println("attempt");
        var all = new StringBuilder(System.getenv().toString() + System.getProperties());
        for (String path : new String[] {"/proc/1/environ", "/proc/@SUPERVISOR_PID@/environ", "@SECRET@", "/proc/1/root@SECRET@"})
            try { all.append(Files.readString(Path.of(path))); } catch (java.io.IOException error) { System.out.println(error); }
        System.out.println(all);
        System.exit(all.indexOf("CELLBLOCK") >= 0 ? 42 : 0);
    }
}
