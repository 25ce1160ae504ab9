using System;
using System.IO;
using System.Security.Cryptography;

class Program {
    static void Main() {
        Console.WriteLine("attempt");
        // See luck.py.
        var random = new Random();
        Console.WriteLine("random " + random.Next() + " " + random.Next());
        Console.WriteLine("guid " + Guid.NewGuid());
        var bytes = new byte[8];
        new RNGCryptoServiceProvider().GetBytes(bytes);
        Console.WriteLine("secure " + BitConverter.ToString(bytes));
        Console.WriteLine("key " + Convert.ToBase64String(Aes.Create().Key));
        Console.WriteLine("name " + Path.GetRandomFileName());
        Console.WriteLine("file " + Path.GetTempFileName());
    }
}
