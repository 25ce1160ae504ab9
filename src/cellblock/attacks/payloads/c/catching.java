class Main {
    public static void main(String[] args) {
        System.out.println("attempt");
        for (String name : "HUP INT QUIT ILL TRAP ABRT BUS FPE USR1 SEGV USR2 PIPE ALRM TERM CHLD CONT TSTP TTIN TTOU XCPU XFSZ".split(" "))
            try { sun.misc.Signal.handle(new sun.misc.Signal(name), caught -> { }); } catch (IllegalArgumentException ofTheMachines) { }
        while (true) Thread.onSpinWait();
    }
}
