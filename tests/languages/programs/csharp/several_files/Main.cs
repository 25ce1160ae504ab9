using System;
using Shapes;

class Program {
    static void Main() {
        var shape = new Rectangle(3, 4);
        Console.WriteLine($"area {shape.Area}");
        Console.WriteLine($"perimeter {shape.Perimeter}");
        Console.WriteLine(Below.Greeter.Greet());
    }
}
