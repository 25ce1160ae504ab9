using System;
using System.Collections.Concurrent;
using System.Linq;
using System.Threading;
using System.Threading.Tasks;

class Program {
    static async Task<int> Square(int n) { await Task.Delay(5 * n); if (n == 3) throw new TimeoutException("square " + n); return n * n; }
    static void Main() {
        long total = 0;
        var threads = Enumerable.Range(0, 4).Select(n => new Thread(() => { for (int i = 0; i < 10000; i++) Interlocked.Add(ref total, n); })).ToList();
        threads.ForEach(t => t.Start());
        threads.ForEach(t => t.Join());
        Console.WriteLine(total);
        Console.WriteLine(string.Join(",", Task.WhenAll(Enumerable.Range(0, 3).Select(Square)).Result));
        try { Square(3).Wait(); } catch (AggregateException e) { Console.WriteLine(e.InnerException.Message); }
        Console.WriteLine(Enumerable.Range(1, 1000).AsParallel().Where(n => n % 7 == 0).Sum());
        var box = new BlockingCollection<int>();
        var consumer = Task.Run(() => box.GetConsumingEnumerable().Sum());
        for (int n = 0; n < 100; n++) box.Add(n);
        box.CompleteAdding();
        Console.WriteLine(consumer.Result);
        var start = new System.Diagnostics.ProcessStartInfo("/bin/sh", "-c \"echo from a shell; exit 6\"") { RedirectStandardOutput = true, UseShellExecute = false };
        using (var child = System.Diagnostics.Process.Start(start)) { Console.Write(child.StandardOutput.ReadToEnd()); child.WaitForExit(); Console.WriteLine(child.ExitCode); }
    }
}
