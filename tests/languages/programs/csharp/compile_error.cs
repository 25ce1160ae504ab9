using System;

class Program {
    static void Main() {
        int number = "not a number";
        Console.WriteLine(number);
    }
}
