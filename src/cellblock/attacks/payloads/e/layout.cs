using System;
using System.IO;
using System.Text.RegularExpressions;

class Program {
    static void Main() {
        Console.WriteLine("attempt");
        // See layout.py.
        var sought = new Regex(@"(\[stack\]|\[heap\]|libc\.so.*)$");
        foreach (var line in File.ReadLines("/proc/self/maps"))
            if (sought.IsMatch(line)) Console.WriteLine("map " + line.Split(' ')[0]);
    }
}
