using System;
using System.Net;
using System.Net.Sockets;

class Program {
    // Not by TcpClient: Mono's takes a network that is not there for one that answered.
    static int Reached(SocketType kind, ProtocolType protocol, string address, int port) {
        var to = new IPEndPoint(IPAddress.Parse(address), port);
        try {
            var way = new Socket(to.AddressFamily, kind, protocol);
            way.Connect(to);
            return way.Send(new byte[] {1}) > 0 ? 1 : 0;
        } catch (SocketException error) {
            Console.WriteLine(error.Message);
            return 0;
        }
    }

    static int Main() {
        Console.WriteLine("attempt");
        Reached(SocketType.Dgram, ProtocolType.Udp, "127.0.0.1", @UDP_PORT@);
        return Reached(SocketType.Stream, ProtocolType.Tcp, "127.0.0.1", @TCP_PORT@)
            + Reached(SocketType.Stream, ProtocolType.Tcp, "::1", @TCP6_PORT@);
    }
}
