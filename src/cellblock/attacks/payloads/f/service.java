import java.net.*;

class Main {
    public static void main(String[] args) throws Exception {
        System.out.println("attempt");
        for (String host : new String[] {"127.0.0.1", "0.0.0.0", "localhost", "[::1]"}) {
            try {
                var way = (HttpURLConnection) URI.create("http://" + host + ":@SERVICE_PORT@/api/health").toURL().openConnection();
                System.out.println(way.getResponseCode());
                System.exit(1);
            } catch (java.io.IOException error) {
                System.out.println(error);
            }
        }
    }
}
