using System;

class Refused : Exception {
    public Refused(int amount, Exception inner) : base("cannot take " + amount + ": größer", inner) {}
}
class Resource : IDisposable { public void Dispose() { Console.WriteLine("disposed"); } }
static class Program {
    static int Inner(int n) { return n == 0 ? int.Parse("zwölf") : Inner(n - 1); }
    static void Outer() {
        using (new Resource())
            try { Inner(2); } catch (FormatException e) when (e.Message.Length > 0) { throw new Refused(12, e); }
            finally { Console.WriteLine("finally"); }
    }
    static void Main() {
        try { Outer(); } catch (Refused e) { Console.WriteLine(e.Message + " / " + e.InnerException.Message + " / " + e.InnerException.GetType()); }
        try { checked { int big = int.MaxValue; big++; } } catch (OverflowException e) { Console.WriteLine(e.Message); }
        try { object text = "x"; Console.WriteLine((int)text); } catch (InvalidCastException e) { Console.WriteLine(e.Message); }
        Outer();
    }
}
