import org.shapes.Rectangle;
import org.shapes.words.Words;

public class Main {
    public static void main(String[] args) {
        Rectangle r = new Rectangle(3, 4);
        System.out.println("area " + r.area());
        System.out.println("perimeter " + r.perimeter());
        System.out.println(Words.greeting());
    }
}
