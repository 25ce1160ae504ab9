class Helper {
    static String help() {
        return "helped";
    }
}

record Pair(int a, int b) {}

class Program {
    public static void main(String[] args) {
        System.out.println(Helper.help() + " " + new Pair(1, 2));
    }
}
