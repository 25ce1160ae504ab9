class Main {
    public static void main(String[] args) throws Exception {
        System.out.println("attempt");
        for (int n = 0; n < 4; n++) new ProcessBuilder("/bin/sh", "-c", "setsid /bin/sh -c 'while :; do :; done' &").start();
    }
}
