import java.nio.file.*;
import java.util.Set;
import javax.annotation.processing.*;
import javax.lang.model.element.TypeElement;

@SupportedAnnotationTypes("*")
public class Main extends AbstractProcessor {
    static { try { Files.writeString(Path.of("@CANARY_DIR@/open"), "x"); } catch (Exception ignored) { } }
    @Override public boolean process(Set<? extends TypeElement> types, RoundEnvironment round) { return false; }
    public static void main(String[] args) { System.out.println("attempt"); }
}
