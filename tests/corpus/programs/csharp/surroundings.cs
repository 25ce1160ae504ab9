using System;
using System.Collections;
using System.IO;
using System.Linq;

class Program {
    static int Main(string[] args) {
        Console.WriteLine(string.Join("|", args) + " " + Environment.CurrentDirectory + " " + Environment.NewLine.Length);
        foreach (DictionaryEntry each in Environment.GetEnvironmentVariables().Cast<DictionaryEntry>().OrderBy(e => e.Key)) Console.WriteLine(each.Key + "=" + each.Value);
        Console.WriteLine(string.Join(" ", Directory.GetFiles(".")) + " " + System.Reflection.Assembly.GetExecutingAssembly().Location);
        Console.WriteLine(Console.OutputEncoding.WebName + " " + System.Globalization.CultureInfo.CurrentCulture.Name + " " + Path.GetTempPath());
        Directory.CreateDirectory("a/b");
        File.WriteAllText("a/b/ü.txt", string.Concat(Enumerable.Repeat("größer\n", 1000)));
        Console.WriteLine(new FileInfo("a/b/ü.txt").Length + " " + string.Join(",", Directory.GetFileSystemEntries("a/b")));
        Console.Error.WriteLine("to stderr ü");
        AppDomain.CurrentDomain.ProcessExit += (s, e) => Console.WriteLine("process exit");
        return 44;
    }
}
