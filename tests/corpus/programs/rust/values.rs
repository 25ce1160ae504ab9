use std::collections::{BTreeMap, BinaryHeap, HashSet, VecDeque};
fn ackermann(m: u64, n: u64) -> u64 { match (m, n) { (0, n) => n + 1, (m, 0) => ackermann(m - 1, 1), (m, n) => ackermann(m - 1, ackermann(m, n - 1)) } }
trait Shape { fn area(&self) -> f64; fn name(&self) -> String { "shape".into() } }
struct Circle(f64);
impl Shape for Circle { fn area(&self) -> f64 { std::f64::consts::PI * self.0.powi(2) } }
fn main() {
    println!("{} {:?} {:e} {} {:?} {}", 0.1 + 0.2, 1.0 / 3.0, 1e300, f64::INFINITY, -0.0, 1e6f64.sin());
    println!("{:?} {:>8.2}|{:<6}|{:^7}|{:#010b}|{:+}", u128::MAX, 3.14159, "ab", "ü", 5, 7);
    let mut seed = 42u64;
    let mut values: Vec<u64> = (0..10_000).map(|_| { seed = seed.wrapping_mul(6364136223846793005).wrapping_add(1442695040888963407); seed >> 40 }).collect();
    values.sort();
    println!("{} {} {}", values[0], values[5000], values[9999]);
    let mut words: BTreeMap<&str, usize> = BTreeMap::new();
    for word in "the zebra the Apfel ärger the".split(' ') { *words.entry(word).or_default() += 1; }
    println!("{words:#?} {:?}", "日本語".char_indices().collect::<Vec<_>>());
    let heap: BinaryHeap<i32> = [3, 9, 1].into();
    println!("{:?} {:?} {}", heap.into_sorted_vec(), VecDeque::from([1, 2, 3]).iter().rev().collect::<Vec<_>>(), HashSet::from([1, 1, 2]).len());
    println!("{} {:?} {:?}", ackermann(2, 1000), 250u8.checked_add(10), i32::MAX.wrapping_add(1));
    let shapes: Vec<Box<dyn Shape>> = vec![Box::new(Circle(1.5))];
    println!("{:.12} {} {}", shapes[0].area(), shapes[0].name(), "straße".to_uppercase());
}
