class Main {
    public static void main(String[] args) {
        System.out.println("attempt");
        for (int n = 0; n < 4; n++) new Thread(() -> { while (true) Thread.onSpinWait(); }).start();
        while (true) Thread.onSpinWait();
    }
}
