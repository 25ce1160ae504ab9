[assembly: System.Reflection.AssemblyKeyFile("@TARGET@")]
class Program { static void Main() { System.Console.WriteLine("attempt"); } }
