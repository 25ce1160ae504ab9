namespace Below {
    static class Greeter {
        public static string Greet() => "Hello from below";
    }
}
