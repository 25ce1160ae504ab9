import java.nio.file.*;

class Main {
    interface Deed { Object done() throws Exception; }

    static void attempt(Deed deed) {
        try { System.out.println(deed.done()); } catch (Exception error) { System.out.println(error); }
    }

    public static void main(String[] args) {
        System.out.println("attempt");
        for (String way : new String[] {"", "/proc/self/root", "/proc/1/root", "/proc/self/cwd/../../../..", "/.."})
            for (String place : new String[] {"@CANARY_DIR@", "@CANARY_DIR_TWO@", "@CANARY_DIR_THREE@"}) {
                attempt(() -> Files.readString(Path.of(way + place + "/secret")));
                attempt(() -> Files.writeString(Path.of(way + place + "/open"), "x"));
                attempt(() -> Files.writeString(Path.of(way + place + "/written"), "x"));
                attempt(() -> Files.createSymbolicLink(Path.of(way + place + "/link"), Path.of("/etc/shadow")));
                attempt(() -> Files.deleteIfExists(Path.of(way + place + "/open")));
            }
    }
}
