using System;
using System.Net;
using System.Net.Sockets;
using System.Text;

class Program {
    static int Sent(SocketType kind) {
        try {
            var raw = new Socket(AddressFamily.InterNetwork, kind, ProtocolType.Icmp);
            var echo = Encoding.ASCII.GetBytes("\b\0\0\0\0\0\0\0@MARK@");
            return raw.SendTo(echo, new IPEndPoint(IPAddress.Loopback, 0)) > 0 ? 1 : 0;
        } catch (SocketException error) {
            Console.WriteLine(error.Message);
            return 0;
        }
    }

    static int Main() {
        Console.WriteLine("attempt");
        return Sent(SocketType.Raw) + Sent(SocketType.Dgram);
    }
}
