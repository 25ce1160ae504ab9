fn main() {
    let async_name = "edition";
    let array = [1, 2, 3];
    let total: i32 = array.into_iter().map(|n: i32| n).sum();
    let year = u16::try_from(2021i32).unwrap();
    println!("{async_name} {year} {total}");
}
