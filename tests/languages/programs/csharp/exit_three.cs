using System;

class Program {
    static int Main() {
        Console.WriteLine("before");
        Console.Error.WriteLine("failing");
        return 3;
    }
}
