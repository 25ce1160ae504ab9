class Main {
    // Short-lived children, each gone before anybody looks.
    public static void main(String[] args) throws Exception {
        System.out.println("attempt");
        String burst = "n=0; while [ $n -lt 50000 ]; do n=$((n + 1)); done";
        while (true) new ProcessBuilder("/bin/sh", "-c", burst).start().waitFor();
    }
}
