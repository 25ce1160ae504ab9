// Makes ten times as much garbage as fits, and keeps little of it: no reason to end it.
public class Main {
    public static void main(String[] args) {
        int[][] kept = new int[100][];
        long total = 0;
        for (int i = 0; i < 5000; i++) {
            kept[i * 7919 % 100] = new int[250_000];
            total += kept[i * 7919 % 100].length;
        }
        System.out.println(total);
    }
}
