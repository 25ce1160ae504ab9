import java.net.*;

class Main {
    public static void main(String[] args) {
        System.out.println("attempt");
        try {
            System.out.println(InetAddress.getByName("@MARK@.invalid"));
        } catch (UnknownHostException error) {
            System.out.println(error);
            if (error.getMessage().endsWith("Temporary failure in name resolution")) return;
        }
        System.exit(1); // whoever says that there is no such name was asked
    }
}
