import java.net.*;
import java.nio.channels.SocketChannel;

class Main {
    interface Deed { void done() throws Exception; }

    static int reached = 0;

    static void attempt(Deed deed) {
        try { deed.done(); reached++; } catch (Exception error) { System.out.println(error); }
    }

    public static void main(String[] args) {
        System.out.println("attempt");
        attempt(() -> new Socket("127.0.0.1", @TCP_PORT@).getOutputStream().write(1));
        attempt(() -> new Socket("::1", @TCP6_PORT@).getOutputStream().write(1));
        attempt(() -> {
            new DatagramSocket().send(new DatagramPacket(new byte[1], 1, InetAddress.getByName("127.0.0.1"), @UDP_PORT@));
            throw new Exception("sent: whether it arrives the host can tell");
        });
        attempt(() -> SocketChannel.open(UnixDomainSocketAddress.of("@UNIX@")).close());
        System.exit(reached);
    }
}
