use std::os::{linux::net::SocketAddrExt, unix::net::{SocketAddr, UnixStream}};
use std::{io::{Result, Write}, net::{TcpStream, UdpSocket}};
fn count<T>(done: Result<T>) -> i32 {
    done.map_err(|error| println!("{error}")).is_ok() as i32
}
fn main() {
    println!("attempt");
    let mut reached = 0;
    for address in ["127.0.0.1:@TCP_PORT@", "[::1]:@TCP6_PORT@"] {
        reached += count(TcpStream::connect(address).and_then(|mut stream| stream.write(b"reached")));
    }
    reached += count(UnixStream::connect("@UNIX@"));
    reached += count(SocketAddr::from_abstract_name("@ABSTRACT@").and_then(|name| UnixStream::connect_addr(&name)));
    count(UdpSocket::bind("0.0.0.0:0").and_then(|socket| socket.send_to(b"reached", "127.0.0.1:@UDP_PORT@")));
    std::process::exit(reached);
}
