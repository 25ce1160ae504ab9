public class Main {
    public static void main(String[] args) {
        for (int i = 0; i < 5000; i++) {
            Thread thread = new Thread(() -> {
                try {
                    Thread.sleep(100_000);
                } catch (InterruptedException ignored) {
                }
            });
            thread.setDaemon(true);
            thread.start();
        }
    }
}
