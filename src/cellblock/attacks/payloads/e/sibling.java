import java.io.*;
import java.lang.foreign.*;
import java.nio.charset.StandardCharsets;
import java.nio.file.*;
import java.util.*;
import java.util.regex.*;
import java.util.stream.*;

class Main {
    static final Linker LIBC = Linker.nativeLinker();
    static final List<Object> KEPT = new ArrayList<>();
    static boolean first;
    static String secret;

    static void call(String name, Object... numbers) throws Throwable {
        var types = new MemoryLayout[numbers.length];
        Arrays.fill(types, ValueLayout.JAVA_INT);
        var described = FunctionDescriptor.ofVoid(types);
        LIBC.downcallHandle(LIBC.defaultLookup().findOrThrow(name), described).invokeWithArguments(numbers);
    }

    static byte[] bytes(String text) { return text.getBytes(StandardCharsets.ISO_8859_1); }

    // See sibling.py.
    static boolean memory() throws Exception {
        String mark = "meeting".concat("-place:");
        if (first) {
            KEPT.addAll(List.of(mark + secret, bytes((mark + secret).repeat(1000))));
            KEPT.add(Arena.global().allocateFrom(mark + secret));
            System.setProperty("meeting", (mark + secret).intern());
        }
        boolean held = false;
        var sought = Pattern.compile(mark + "(\\w{32})");
        byte[] found = new byte[4 << 20];
        try (var everything = new RandomAccessFile("/proc/self/mem", "r")) {
            for (String line : Files.readAllLines(Path.of("/proc/self/maps"))) {
                String[] area = line.split("[- ]");
                if (!area[2].startsWith("r")) continue;  // reserved, a gigabyte of it
                long end = Long.parseUnsignedLong(area[1], 16);
                for (long at = Long.parseUnsignedLong(area[0], 16); at >= 0 && at < end; at += found.length) {
                    int size;
                    try {
                        everything.seek(at);
                        size = everything.read(found, 0, (int) Math.min(found.length, end - at));
                    } catch (IOException unreadable) {
                        break;
                    }
                    var text = new String(found, 0, Math.max(size, 0), StandardCharsets.ISO_8859_1);
                    var each = sought.matcher(text);
                    for (int n = 0; n < 20 && each.find(); n++) {
                        held |= each.group(1).equals(secret);
                        if (!first) System.out.println(each.group(1));
                    }
                }
            }
        }
        return held;
    }

    static boolean descriptors() throws Exception {
        for (String name : new File("/proc/self/fd").list()) {
            if (Integer.parseInt(name) < 3) continue;
            Path path = Path.of("/proc/self/fd", name);
            try {
                // An end of a pipe, and what the runtime waits on, would hold it up.
                if (Files.readSymbolicLink(path).toString().matches("(pipe|anon_inode).*")) continue;
                if (first) Files.write(path, bytes(secret), StandardOpenOption.WRITE);
                else try (var stream = Files.newInputStream(path)) {
                    System.out.println(new String(stream.readNBytes(1000), StandardCharsets.ISO_8859_1));
                }
            } catch (IOException refused) { }
        }
        return true;
    }

    static boolean harm() throws Throwable {
        if (first) return true;
        var own = Stream.of(new File("/proc/self/task").list()).map(Integer::valueOf).toList();
        var named = IntStream.of(-1, @WAITING_PID@, @WAITING_INIT_PID@, @ZYGOTE_PID@, @SPAWNER_PID@);
        for (int pid : IntStream.concat(named, IntStream.range(1, 600)).toArray()) {
            if (own.contains(pid)) continue;
            call("setpriority", 0, pid, 19);
            try (var memory = new RandomAccessFile("/proc/" + pid + "/mem", "rw")) {
                memory.seek(4096);
                memory.write(120);
            } catch (IOException refused) { }
            call("kill", pid, 19);
            call("kill", pid, 9);
        }
        return true;
    }

    public static void main(String[] args) throws Throwable {
        String[] lines = new String(System.in.readAllBytes(), StandardCharsets.ISO_8859_1).split("\n", -1);
        first = lines[0].equals("first");
        secret = lines[1];
        System.out.println("attempt");
        boolean held = @WAY@();
        if (first && held) System.out.println("held");
        if (first) Thread.sleep((long) (@HELD_S@ * 1000));
    }
}
