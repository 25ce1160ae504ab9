use std::{io::{Read, Write}, net::TcpStream, time::Duration};
fn main() {
    println!("attempt");
    for address in ["127.0.0.1:@SERVICE_PORT@", "0.0.0.0:@SERVICE_PORT@", "localhost:@SERVICE_PORT@", "[::1]:@SERVICE_PORT@"] {
        match TcpStream::connect(address) {
            Ok(mut reached) => {
                let mut told = [0; 1000];
                let _ = reached.set_read_timeout(Some(Duration::from_secs(1)));
                let _ = reached.write(b"GET /api/health HTTP/1.0\r\n\r\n");
                println!("{:?}", reached.read(&mut told));
                std::process::exit(1);
            }
            Err(error) => println!("{error}"),
        }
    }
}
