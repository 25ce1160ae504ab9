class Program {
    static void Main() {
        for (var n = 0;; n++) {}
    }
}
