class Main {
    // 42: the file is as long as it likes.
    public static void main(String[] args) throws Exception {
        System.out.println("attempt");
        byte[] block = new byte[1 << 16];
        long size = 0;
        try (var file = new java.io.FileOutputStream("/box/file")) {
            for (; size < 64 << 20; size += block.length) file.write(block);
            System.exit(42);
        } catch (java.io.IOException error) {
            System.out.println(size + " bytes, then " + error);
            if (!error.getMessage().contains("too large")) System.exit(42);
        }
    }
}
