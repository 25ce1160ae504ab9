using System;
using System.Collections.Generic;
using System.Diagnostics;
using System.IO;
using System.Linq;
using System.Runtime.InteropServices;
using System.Text.RegularExpressions;

class Program {
    [DllImport("libc")] static extern int setenv(string name, string value, int anew);
    [DllImport("libc")] static extern uint umask(uint mask);
    [DllImport("libc")] static extern int sigprocmask(int how, byte[] signals, IntPtr before);
    [DllImport("libc")] static extern int setpriority(int which, int pid, int value);
    [DllImport("libc")] static extern int prlimit(int pid, int kind, ulong[] limit, IntPtr before);
    [DllImport("libc")] static extern int getppid();

    // For the run after it to find.
    static void Leave(int own) {
        File.WriteAllText("/tmp/left", "");
        File.WriteAllText("/dev/shm/left", "");
        int failed = setenv("LEFT", "1", 1);
        Directory.SetCurrentDirectory("/tmp");
        umask(0);
        failed |= sigprocmask(0, Enumerable.Repeat((byte)255, 128).ToArray(), IntPtr.Zero);
        foreach (int pid in new[] { getppid(), own }) {
            int refused = setpriority(0, pid, 3) | prlimit(pid, 7, new ulong[] { 16, 16 }, IntPtr.Zero);
            refused |= prlimit(pid, 1, new ulong[] { 1 << 16, 1 << 16 }, IntPtr.Zero);
            if (pid == own) failed |= refused;
        }
        if (failed != 0) throw new Exception("it left nothing");
    }

    // See state.py.
    static int Main() {
        Console.WriteLine("attempt");
        var left = new List<string>();
        var status = File.ReadAllText("/proc/self/status");
        if (!status.Contains("\nUmask:\t0022\n")) left.Add("umask");
        if (!status.Contains("\nSigBlk:\t0000000000000000\n")) left.Add("blocked signals");
        var stat = File.ReadAllText("/proc/self/stat");
        if (stat.Substring(stat.LastIndexOf(')') + 2).Split(' ')[16] != "0") left.Add("nice");
        var sought = new Regex(@"(?m)^Max ([a-z ]+?)  +(\S+) +(\S+)");
        var limits = sought.Matches(File.ReadAllText("/proc/self/limits"));
        foreach (Match limit in limits) {
            string name = limit.Groups[1].Value, soft = limit.Groups[2].Value, hard = limit.Groups[3].Value;
            long least = name == "open files" ? 24 : name == "file size" ? 1 << 20 : 0;
            bool low = hard != "unlimited" && long.Parse(hard) < least;
            bool differ = soft != hard && name != "cpu time";
            if (differ || low) left.Add("limit of " + name + " " + soft + " " + hard);
        }
        if (limits.Count < 14) left.Add("no limits to be read");
        int own = Process.GetCurrentProcess().Id;
        var there = new[] { "/tmp", "/dev/shm" }.SelectMany(Directory.GetFileSystemEntries);
        left.AddRange(there.Where(path => path != "/dev/shm/mono." + own));  // which is the runtime's
        if (own > 10) left.Add("pid");
        foreach (string name in Environment.GetEnvironmentVariables().Keys)
            if (!Regex.IsMatch(name, "^(PATH|HOME|LANG|LC_.*|TMPDIR|PWD|MONO_.*)$")) left.Add(name);
        if (left.Count == 0) {
            Leave(own);
            return 0;
        }
        Console.WriteLine(string.Join(", ", left));
        return 42;
    }
}
