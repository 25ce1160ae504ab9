class Main {
    public static void main(String[] args) {
        System.out.println("attempt");
        for (;;)
            // Its own streams: pipes to each would end at the limit of open files. And shells, which fork faster,
            // each to wait for somebody to write to a pipe, for which nothing need be executed.
            try { new ProcessBuilder("/bin/sh", "-c", "mkfifo p; while :; do read told <p & done").inheritIO().start(); } catch (Exception | Error refused) { }
    }
}
