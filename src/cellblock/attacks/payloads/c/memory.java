class Main {
    public static void main(String[] args) {
        System.out.println("attempt");
        var kept = new java.util.ArrayList<byte[]>();
        for (;;) {
            byte[] block = new byte[1 << 20];
            java.util.Arrays.fill(block, (byte) 1);
            kept.add(block);
        }
    }
}
