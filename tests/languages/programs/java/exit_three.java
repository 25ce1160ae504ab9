public class Main {
    public static void main(String[] args) {
        System.out.println("before");
        System.err.println("failing");
        System.exit(3);
    }
}
