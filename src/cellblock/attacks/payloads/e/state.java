import java.io.File;
import java.nio.charset.StandardCharsets;
import java.nio.file.*;
import java.util.*;
import java.util.regex.*;

class Main {
    static String read(String path) throws Exception {
        return new String(Files.readAllBytes(Path.of(path)), StandardCharsets.ISO_8859_1);
    }

    // See state.py.
    public static void main(String[] args) throws Exception {
        System.out.println("attempt");
        var left = new ArrayList<String>();
        String status = read("/proc/self/status");
        if (!status.contains("\nUmask:\t0022\n")) left.add("umask");
        if (!status.contains("\nSigBlk:\t0000000000000000\n")) left.add("blocked signals");
        String stat = read("/proc/self/stat");
        if (!stat.substring(stat.lastIndexOf(')') + 2).split(" ")[16].equals("0")) left.add("nice");
        var limits = Pattern.compile("(?m)^Max ([a-z ]+?)  +(\\S+) +(\\S+)").matcher(read("/proc/self/limits"));
        int count = 0;
        for (; limits.find(); count++) {
            String name = limits.group(1), soft = limits.group(2), hard = limits.group(3);
            boolean low = !hard.equals("unlimited") && Long.parseLong(hard) < (name.equals("open files") ? 24 : name.equals("file size") ? 1 << 20 : 0);
            // The runtime itself raises the soft limit of descriptors, and never the hard one.
            if (!soft.equals(hard) && !name.equals("cpu time") || low) left.add("limit of " + name + " " + soft + " " + hard);
        }
        if (count < 14) left.add("no limits to be read");
        for (String place : new String[] {"/tmp", "/dev/shm"})
            for (String name : new File(place).list()) left.add(place + "/" + name);
        if (ProcessHandle.current().pid() > 10) left.add("pid");
        for (String name : System.getenv().keySet())
            if (!name.matches("PATH|HOME|LANG|LC_.*|TMPDIR|PWD|JAVA_.*|JDK_.*")) left.add(name);
        System.out.println(left);
        System.exit(left.isEmpty() ? 0 : 42);
    }
}
