class Main {
    public static void main(String[] args) throws Exception {
        System.out.println("attempt");
        try (var file = new java.io.RandomAccessFile("/box/sparse", "rw")) {
            file.setLength(1L << 40);
        } catch (java.io.IOException error) {
            System.out.println(error);
        }
    }
}
