namespace Shapes.Below {
    public static class Words {
        public const string Greeting = "Hello from below";
    }
}
