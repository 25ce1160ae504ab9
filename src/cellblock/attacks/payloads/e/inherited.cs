using System;
using System.Collections.Generic;
using System.IO;
using System.Linq;
using System.Runtime.InteropServices;
using System.Text;

class Program {
    [DllImport("libc")] static extern int getppid();
    [DllImport("libc")] static extern IntPtr readlink(string path, byte[] found, IntPtr size);
    [DllImport("libc")] static extern IntPtr write(int fd, byte[] message, IntPtr size);

    static void Main() {
        Console.WriteLine("attempt");
        // What a runtime that was started ahead of this program may have left to it; and it speaks to that.
        var left = new List<string>();
        string[] kinds = { "socket:", "/memfd:", "/sys/", "anon_inode:[pidfd]", "anon_inode:seccomp" };
        foreach (var path in Directory.GetFileSystemEntries("/proc/self/fd")) {
            var found = new byte[256];
            int size = (int)readlink(path, found, (IntPtr)256), fd = int.Parse(Path.GetFileName(path));
            var link = Encoding.ASCII.GetString(found, 0, Math.Max(size, 0));
            if (fd < 3 || !kinds.Any(link.StartsWith)) continue;
            left.Add(path + " " + link);
            foreach (var message in new[] { new byte[] { 106 }, new byte[] { 111 }, new byte[64] })
                write(fd, message, (IntPtr)message.Length);
        }
        var environment = Encoding.ASCII.GetString(File.ReadAllBytes("/proc/self/environ"));
        foreach (string name in Environment.GetEnvironmentVariables().Keys) environment += name;
        foreach (var name in new[] { "LD_PRELOAD", "CELLBLOCK" })
            if (environment.Contains(name)) left.Add(name);
        if (getppid() != 1) left.Add("family");
        if (left.Count > 0) throw new Exception(string.Join(", ", left));
    }
}
