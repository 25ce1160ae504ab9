using System.Runtime.InteropServices;

class Program {
    [DllImport("libc")]
    static extern void abort();

    static void Main() {
        abort();
    }
}
