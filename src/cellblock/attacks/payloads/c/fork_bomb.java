class Main {
    public static void main(String[] args) {
        System.out.println("attempt");
        for (;;)
            try { new ProcessBuilder("/bin/sleep", "3600").start(); } catch (Exception | Error refused) { }
    }
}
