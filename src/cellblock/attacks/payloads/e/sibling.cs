using System;
using System.Collections.Generic;
using System.IO;
using System.Linq;
using System.Runtime.InteropServices;
using System.Text;
using System.Text.RegularExpressions;
using System.Threading;

class Program {
    [DllImport("libc")] static extern int open(string path, int flags);
    [DllImport("libc")] static extern IntPtr pread(int fd, byte[] found, IntPtr size, long offset);
    [DllImport("libc")] static extern IntPtr write(int fd, byte[] written, IntPtr size);
    [DllImport("libc")] static extern IntPtr pwrite(int fd, byte[] written, IntPtr size, long offset);
    [DllImport("libc")] static extern int fcntl(int fd, int command, int value);
    [DllImport("libc")] static extern int kill(int pid, int number);
    [DllImport("libc")] static extern int setpriority(int which, int pid, int value);
    [DllImport("libc")] static extern int close(int fd);

    static readonly Encoding BYTES = Encoding.GetEncoding("ISO-8859-1");
    static readonly List<object> KEPT = new List<object>();
    static bool first;
    static string secret;

    // See sibling.py.
    static bool Memory() {
        string mark = string.Concat("meeting", "-place:");
        if (first) {
            KEPT.Add(mark + secret);
            KEPT.Add(BYTES.GetBytes(string.Concat(Enumerable.Repeat(mark + secret, 1000))));
            KEPT.Add(Marshal.StringToHGlobalAnsi(mark + secret));
            Environment.SetEnvironmentVariable("MEETING", mark + secret);
        }
        bool held = false;
        int everything = open("/proc/self/mem", 0);
        var found = new byte[4 << 20];
        foreach (var line in File.ReadAllLines("/proc/self/maps")) {
            if (line.Split(' ')[1][0] != 'r') continue;  // reserved
            var area = line.Split(' ')[0].Split('-').Select(number => Convert.ToUInt64(number, 16)).ToArray();
            for (ulong at = area[0]; at < Math.Min(area[1], long.MaxValue); at += (ulong)found.Length) {
                var most = (IntPtr)Math.Min((ulong)found.Length, area[1] - at);
                int size = (int)pread(everything, found, most, (long)at);
                if (size <= 0) break;
                // Characters of Mono's are two bytes.
                int some = 0;
                for (int n = 0; n < size; n++) if (found[n] != 0) found[some++] = found[n];
                foreach (Match each in Regex.Matches(BYTES.GetString(found, 0, some), mark + @"(\w{32})")) {
                    held |= each.Groups[1].Value == secret;
                    if (!first) Console.WriteLine(each.Groups[1].Value);
                }
            }
        }
        close(everything);
        return held;
    }

    static bool Descriptors() {
        foreach (var name in Directory.GetFileSystemEntries("/proc/self/fd").Select(Path.GetFileName)) {
            int fd = int.Parse(name);
            if (fd < 3) continue;
            fcntl(fd, 4, 2048);  // F_SETFL, O_NONBLOCK
            var found = first ? BYTES.GetBytes(secret) : new byte[1000];
            if (first) write(fd, found, (IntPtr)found.Length);
            else if (pread(fd, found, (IntPtr)1000, 0).ToInt64() > 0)
                Console.WriteLine(BYTES.GetString(found));
        }
        return true;
    }

    static bool Harm() {
        if (first) return true;
        var tasks = Directory.GetDirectories("/proc/self/task");
        var own = tasks.Select(path => int.Parse(Path.GetFileName(path)));
        int[] others = { -1, @WAITING_PID@, @WAITING_INIT_PID@, @ZYGOTE_PID@, @SPAWNER_PID@ };
        foreach (int pid in others.Concat(Enumerable.Range(1, 600)).Except(own)) {
            setpriority(0, pid, 19);
            pwrite(open("/proc/" + pid + "/mem", 2), new byte[] { 120 }, (IntPtr)1, 4096);
            kill(pid, 19);
            kill(pid, 9);
        }
        return true;
    }

    static void Main() {
        var lines = Console.In.ReadToEnd().Split('\n');
        first = lines[0] == "first";
        secret = lines[1];
        Console.WriteLine("attempt");
        bool held = "@WAY@" == "memory" ? Memory() : "@WAY@" == "descriptors" ? Descriptors() : Harm();
        if (first && held) Console.WriteLine("held");
        if (first) Thread.Sleep((int)(@HELD_S@ * 1000));
    }
}
