using System;
using System.Diagnostics;

class Program {
    static int Main() {
        for (var i = 0; i < 500; i++) {
            try {
                Process.Start(new ProcessStartInfo("/bin/sleep", "100") { UseShellExecute = false });
            } catch (Exception error) {
                Console.Error.WriteLine(error.Message);
                return 1;
            }
        }
        return 0;
    }
}
