using System;

class Program {
    static int M(Func<int, int> one) { return 1; }
    static string M(Func<string, string> other) { return null; }
    static void Main() {
        M(a0 => M(a1 => M(a2 => M(a3 => M(a4 => M(a5 => M(a6 => M(a7 =>
        M(a8 => M(a9 => M(a10 => M(a11 => M(a12 => M(a13 => M(a14 => M(a15 =>
        M(a16 => M(a17 => M(a18 => M(a19 => M(a20 => M(a21 => M(a22 => M(a23 => a0))))))))))))))))))))))));
    }
}
