class Main {
    public static void main(String[] args) {
        System.out.println("attempt");
        byte[] block = new byte[1 << 20];
        for (;;) {
            System.out.write(block, 0, block.length);
            System.err.write(block, 0, block.length);
        }
    }
}
