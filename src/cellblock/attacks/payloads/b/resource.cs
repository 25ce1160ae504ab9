#line 1 "@TARGET@"
#error attempt
class Program { static void Main() { System.Console.WriteLine(typeof(Undefined)); } }
