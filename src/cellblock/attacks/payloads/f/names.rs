use std::net::ToSocketAddrs;
fn main() {
    println!("attempt");
    let found = "@MARK@.invalid:80".to_socket_addrs().map(|found| found.count());
    println!("{found:?}");
    // Whoever says that there is no such name was asked.
    if !found.is_err_and(|error| error.to_string().contains("Temporary failure")) {
        std::process::exit(1);
    }
}
