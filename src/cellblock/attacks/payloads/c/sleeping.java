import sun.misc.*;

class Main {
    public static void main(String[] args) throws Exception {
        System.out.println("attempt");
        String names = "HUP INT QUIT ILL TRAP ABRT BUS FPE USR1 SEGV USR2 PIPE ALRM TERM CHLD CONT TSTP TTIN TTOU XCPU XFSZ";
        for (String name : names.split(" "))
            try {
                Signal.handle(new Signal(name), SignalHandler.SIG_IGN);
            } catch (IllegalArgumentException ofTheMachines) { }
        Thread.sleep(3_600_000);
    }
}
