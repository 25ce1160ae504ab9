class Main {
    public static void main(String[] args) throws Exception {
        System.out.println("attempt");
        // They keep standard output open after the program has ended.
        for (int n = 0; n < 3; n++) new ProcessBuilder("/bin/sh", "-c", "setsid sleep 3600 &").inheritIO().start();
    }
}
