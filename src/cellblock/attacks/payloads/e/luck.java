import java.nio.file.Files;
import java.security.KeyPairGenerator;
import java.security.SecureRandom;
import java.util.*;
import java.util.concurrent.ThreadLocalRandom;

class Main {
    public static void main(String[] args) throws Exception {
        System.out.println("attempt");
        // See luck.py.
        System.out.println("random " + Math.random());
        System.out.println("generator " + new Random().nextLong());
        System.out.println("of the thread " + ThreadLocalRandom.current().nextLong());
        System.out.println("splittable " + new SplittableRandom().nextLong());
        System.out.println("secure " + new SecureRandom().nextLong());
        System.out.println("uuid " + UUID.randomUUID());
        System.out.println("key " + HexFormat.of().formatHex(KeyPairGenerator.getInstance("Ed25519").generateKeyPair().getPublic().getEncoded()));
        System.out.println("directory " + Files.createTempDirectory("luck"));
        System.out.println("file " + Files.createTempFile("luck", ""));
    }
}
