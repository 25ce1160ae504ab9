use std::{io::Write, net::*, os::unix::net::UnixStream};
fn main() {
    println!("attempt");
    for address in ["127.0.0.1:@TCP_PORT@", "[::1]:@TCP6_PORT@"] {
        println!("{:?}", TcpStream::connect(address).and_then(|mut stream| stream.write(b"reached")));
    }
    println!("{:?}", UnixStream::connect("@UNIX@"));
    println!("{:?}", UdpSocket::bind("0.0.0.0:0").and_then(|socket| socket.send_to(b"reached", "127.0.0.1:@UDP_PORT@")));
}
