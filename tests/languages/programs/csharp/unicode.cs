using System;

class Program {
    static void Main() {
        Console.WriteLine("Grüße ∑ 日本語 🚀");
        Console.WriteLine(Console.ReadLine());
    }
}
