import java.util.Scanner;

public class Main {
    public static void main(String[] args) {
        System.out.println("Grüße ∑ 日本語 🚀");
        System.out.println(new Scanner(System.in).nextLine());
    }
}
