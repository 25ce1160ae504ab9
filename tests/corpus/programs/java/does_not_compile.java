import java.util.*;

public class Main {
    sealed interface Shape permits Circle {}
    record Circle(double r) {}
    public static void main(String[] args) {
        List<int> numbers = new ArrayList<>();
        String größe = 5;
        undefined();
    }
}
