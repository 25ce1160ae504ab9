using System;

class Program {
    static void Main() {
        int number = "three";
        string text = null
        Console.WriteLine(undefined);
    }
}
