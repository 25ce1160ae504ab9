use std::{fs, fs::File, io::Read, os::fd::AsRawFd, path::Path, time::{Duration, Instant}};

extern "C" {
    fn posix_fadvise(fd: i32, offset: i64, size: i64, advice: i32) -> i32;
}

// Files of its root are read from disk again, as far as nobody else has them in use: at least a quarter.
fn again(place: &Path, total: &mut usize, end: Instant) {
    const DONT_NEED: i32 = 4;
    for entry in fs::read_dir(place).into_iter().flatten().flatten() {
        let Ok(kind) = entry.file_type() else { continue };
        if *total > 600 << 20 || Instant::now() > end {
            return;
        }
        if kind.is_dir() {
            again(&entry.path(), total, end);
        } else if kind.is_file() {
            let Ok(mut file) = File::open(entry.path()) else { continue };
            unsafe { posix_fadvise(file.as_raw_fd(), 0, 0, DONT_NEED) };
            let mut block = vec![0; 1 << 16];
            while let Ok(size @ 1..) = file.read(&mut block) {
                *total += size;
            }
        }
    }
}

fn main() {
    println!("attempt");
    let (mut total, end) = (0, Instant::now() + Duration::from_secs(2));
    for place in ["/opt", "/usr"] {
        again(Path::new(place), &mut total, end);
    }
    println!("held {}", total / 4);
}
