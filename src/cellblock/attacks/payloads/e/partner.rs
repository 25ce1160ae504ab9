use std::ffi::{c_char, CString};
use std::io::{self, Read, Write};
use std::os::linux::net::SocketAddrExt;
use std::os::unix::{fs::FileExt, net::{SocketAddr, UnixListener, UnixStream}};
use std::process::{self, Command};
use std::{fs, net::{TcpListener, TcpStream}, thread::{sleep, spawn}, time::Duration};

const TARGET: &str = "/usr/share/zoneinfo/Antarctica/Troll";

extern "C" {
    fn umask(mask: u32) -> u32;
    fn setxattr(path: *const c_char, name: *const c_char, value: *const u8, size: usize, flags: i32) -> i32;
    fn getxattr(path: *const c_char, name: *const c_char, value: *mut u8, size: usize) -> isize;
}

struct Run {
    first: bool,
    secret: String,
}

// See partner.py.
impl Run {
    fn told(&self, found: &[u8]) -> bool {
        let text = String::from_utf8_lossy(found);
        if !self.first { println!("{text}"); }
        text.contains(&self.secret)
    }

    // A refusal is one that a wall gives (EPERM, ENOENT, EACCES, ETXTBSY, EROFS, EOPNOTSUPP, EAFNOSUPPORT,
    // EADDRNOTAVAIL, ENETUNREACH), and anything else ends the program.
    fn met(&self, result: io::Result<bool>) -> bool {
        match result {
            Ok(held) => held,
            Err(_) if !self.first => false,
            Err(error) => match error.raw_os_error() {
                Some(1 | 2 | 13 | 26 | 30 | 95 | 97 | 99 | 101) => false,
                _ => panic!("{error}"),
            },
        }
    }

    fn read_back(&self, path: &str) -> io::Result<bool> { Ok(self.told(&fs::read(path)?)) }

    fn files(&self) -> bool {
        unsafe { umask(0) };
        let places = ["/tmp", "/dev/shm", "/box", "/var/tmp", "/run", "/run/lock", "/dev/mqueue", "/out", "",
            "/usr/tmp", "/var/lock"];
        places.iter().filter(|place| {
            let path = format!("{place}/meeting");
            let left = if self.first { fs::write(&path, &self.secret) } else { Ok(()) };
            self.met(left.and_then(|()| self.read_back(&path)))
        }).count() > 0
    }

    // Tell whoever asks.
    fn tell(&self) -> impl Fn(&mut dyn Write) {
        let secret = self.secret.clone();
        move |asked| { let _ = asked.write_all(secret.as_bytes()); }
    }

    fn asked(&self, asking: &mut dyn Read) -> io::Result<bool> {
        let mut found = Vec::new();
        asking.read_to_end(&mut found)?;
        Ok(self.told(&found))
    }

    fn abstract_name(&self) -> bool {
        let meet = || {
            let name = SocketAddr::from_abstract_name("cellblock-meeting")?;
            if self.first {
                let (listener, tell) = (UnixListener::bind_addr(&name)?, self.tell());
                spawn(move || for asked in listener.incoming() { tell(&mut asked.unwrap()) });
            }
            self.asked(&mut UnixStream::connect_addr(&name)?)
        };
        self.met(meet())
    }

    fn loopback(&self) -> bool {
        let meet = |address| {
            if self.first {
                let (listener, tell) = (TcpListener::bind(address)?, self.tell());
                spawn(move || for asked in listener.incoming() { tell(&mut asked.unwrap()) });
            }
            self.asked(&mut TcpStream::connect(address)?)
        };
        let both = ["127.0.0.1:45454", "[::1]:45454"].map(|address| self.met(meet(address)));
        both.contains(&true)
    }

    fn processes(&self) -> bool {
        if self.first {
            let mut sleeper = Command::new("/usr/bin/sleep");
            let child = sleeper.arg("@HELD_S@").env("MEETING", &self.secret).spawn().unwrap();
            sleep(Duration::from_millis(100)); // its environment is there a moment after it is
            return self.met(self.read_back(&format!("/proc/{}/environ", child.id())));
        }
        for process in fs::read_dir("/proc").unwrap().flatten() {
            let name = process.file_name().into_string().unwrap();
            if name.parse::<u32>().is_ok_and(|pid| pid != process::id()) {
                for what in ["environ", "cmdline"] { let _ = self.read_back(&format!("/proc/{name}/{what}")); }
            }
        }
        false
    }

    fn page_cache(&self) -> bool {
        fs::metadata(TARGET).unwrap();
        let meet = || {
            if self.first {
                let file = fs::OpenOptions::new().read(true).write(true).open(TARGET)?;
                file.write_at(self.secret.as_bytes(), 0)?;
            }
            self.read_back(TARGET)
        };
        self.met(meet())
    }

    fn attributes(&self) -> bool {
        let places = [TARGET, "/usr/bin/env", "/usr", "/etc/passwd", "/dev/null", "/proc/self/exe", "/"];
        places.iter().filter(|place| {
            let (path, name, mut found) = (CString::new(**place).unwrap(), c"user.meeting".as_ptr(), [0; 64]);
            let put = || unsafe { setxattr(path.as_ptr(), name, self.secret.as_ptr(), self.secret.len(), 0) };
            if self.first && put() != 0 { return self.met(Err(io::Error::last_os_error())); }
            let size = unsafe { getxattr(path.as_ptr(), name, found.as_mut_ptr(), 64) };
            size > 0 && self.told(&found[..size as usize])
        }).count() > 0
    }
}

fn main() {
    let input = io::read_to_string(io::stdin()).unwrap();
    let mut lines = input.split('\n');
    let run = Run { first: lines.next() == Some("first"), secret: lines.next().unwrap_or("").to_string() };
    println!("attempt");
    let held = match "@WAY@" {
        "files" => run.files(),
        "abstract" => run.abstract_name(),
        "loopback" => run.loopback(),
        "processes" => run.processes(),
        "page_cache" => run.page_cache(),
        _ => run.attributes(),
    };
    if run.first {
        println!("{}", if held { "held" } else { "refused" });
        sleep(Duration::from_secs_f64("@HELD_S@".parse().unwrap()));
    }
}
