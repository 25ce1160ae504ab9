class Main {
    public static void main(String[] args) throws Exception {
        System.out.println("attempt");
        Thread.sleep(3_600_000);
    }
}
