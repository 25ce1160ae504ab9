using System;
using System.Linq;

class Program {
    static void Main() {
        string first = Console.ReadLine();
        string rest = Console.In.ReadToEnd();
        Console.WriteLine(first + "/" + first.Length + "/" + rest.Split('\n').Length + "/" + Console.ReadLine());
        Console.WriteLine(rest.Split(new[] { ' ', '\n' }, StringSplitOptions.RemoveEmptyEntries).Sum(w => { int n; return int.TryParse(w, out n) ? n : 0; }));
        Console.Out.Write("no newline");
        Environment.Exit(255);
    }
}
