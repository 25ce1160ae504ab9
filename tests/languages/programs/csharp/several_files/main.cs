using System;
using Shapes;
using Shapes.Below;

class Program {
    static void Main() {
        var r = new Rectangle(3, 4);
        Console.WriteLine("area " + r.Area);
        Console.WriteLine("perimeter " + r.Perimeter);
        Console.WriteLine(Words.Greeting);
    }
}
