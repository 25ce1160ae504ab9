using System;
using System.Collections.Generic;
using System.Linq;
using System.Numerics;
using System.Text;

class Program {
    enum Colour { Red = 1, Green = 4 }
    struct Point { public double X, Y; public static Point operator +(Point a, Point b) { return new Point { X = a.X + b.X, Y = a.Y + b.Y }; } public override string ToString() { return $"({X}; {Y})"; } }
    static IEnumerable<int> Primes() { for (int n = 2; ; n++) if (Enumerable.Range(2, n - 2).All(d => n % d != 0)) yield return n; }
    static int Ackermann(int m, int n) { return m == 0 ? n + 1 : Ackermann(m - 1, n == 0 ? 1 : Ackermann(m, n - 1)); }
    static void Main() {
        Console.WriteLine((0.1 + 0.2).ToString("R") + " " + 1.0 / 3 + " " + float.MaxValue + " " + double.NaN + " " + Math.Sin(1e6).ToString("G17") + " " + 1e21 + " " + 7.5m / 3);
        Console.WriteLine(BigInteger.Pow(2, 200) + " " + (Complex.One * Complex.ImaginaryOne) + " " + unchecked((int)3000000000u) + " " + (-7 / 2) + (-7 % 2));
        Console.WriteLine(string.Format("{0,8:F2}|{1:X4}|{2,-6}|{3:N0}|{4:yyyy-MM-dd}", Math.PI, 255, "ü", 1234567, new DateTime(2024, 2, 29)));
        var drawn = new Random(42);
        var values = Enumerable.Range(0, 1000).Select(_ => drawn.Next(100000)).OrderByDescending(n => n).ToList();
        Console.WriteLine(values[0] + " " + values[500] + " " + values[999]);
        var words = new[] { "zebra", "Apfel", "apple", "Zoo" };
        Array.Sort(words, StringComparer.Ordinal);
        Console.WriteLine(string.Join(" ", words) + " " + string.Join(" ", words.GroupBy(w => w.Length).Select(g => g.Key + ":" + g.Count())));
        Console.WriteLine(Colour.Green + " " + (Colour)3 + " " + (new Point { X = 1.5 } + new Point { Y = 2 }) + " " + string.Join(",", Primes().Skip(20).Take(5)));
        Console.WriteLine("日本語".Length + " " + Encoding.UTF8.GetByteCount("日本語😀") + " " + new string("abc".Reverse().ToArray()) + " " + Ackermann(2, 300));
        var memo = new SortedDictionary<string, int> { ["b"] = 2, ["a"] = 1 };
        Console.WriteLine(string.Join(",", memo) + " " + new { Name = "anonymous", Size = 3 } + " " + Tuple.Create(1, "x"));
        for (int n = 0; n < 5000; n++) Console.WriteLine(n + " " + new string('é', n % 30));
    }
}
