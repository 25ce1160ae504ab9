class Main {
    public static void main(String[] args) {
        System.out.println("attempt");
        for (;;)
            try {
                new Thread(() -> { try { Thread.sleep(3_600_000); } catch (InterruptedException end) { } }).start();
            } catch (Error refused) { }
    }
}
