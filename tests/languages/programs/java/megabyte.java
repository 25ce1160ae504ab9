public class Main {
    public static void main(String[] args) {
        for (int i = 0; i < 65536; i++) System.out.println("0123456789abcde");
    }
}
