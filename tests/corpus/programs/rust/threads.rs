use std::sync::{mpsc, Arc, Barrier, Mutex, RwLock};
use std::thread;
fn main() {
    let total = Arc::new(Mutex::new(0u64));
    let handles: Vec<_> = (0..4u64).map(|n| { let total = total.clone(); thread::spawn(move || for i in 0..1000 { *total.lock().unwrap() += n * i; }) }).collect();
    for handle in handles { handle.join().unwrap(); }
    println!("{}", total.lock().unwrap());
    let (sender, receiver) = mpsc::channel();
    thread::scope(|scope| { for n in 0..3 { let sender = sender.clone(); scope.spawn(move || sender.send(n * n).unwrap()); } });
    drop(sender);
    let mut got: Vec<i32> = receiver.iter().collect();
    got.sort_unstable_by(|a, b| b.cmp(a));
    println!("{got:?}");
    let barrier = Arc::new(Barrier::new(2));
    let waiting = { let barrier = barrier.clone(); thread::spawn(move || barrier.wait().is_leader()) };
    println!("{}", barrier.wait().is_leader() ^ waiting.join().unwrap());
    let failed = thread::Builder::new().name("worker-7".into()).spawn(|| { panic!("in a thread: größer") }).unwrap().join();
    println!("{:?} {}", failed.unwrap_err().downcast_ref::<&str>(), RwLock::new(5).read().unwrap());
    let output = std::process::Command::new("/bin/sh").args(["-c", "echo out; echo err >&2; exit 3"]).output().unwrap();
    println!("{:?}", output);
}
