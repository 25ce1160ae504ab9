use std::fmt;
#[derive(Debug)]
enum Refused { TooMuch { amount: u32 }, Parse(std::num::ParseIntError) }
impl fmt::Display for Refused { fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result { write!(f, "größer: {self:?}") } }
impl std::error::Error for Refused {}
impl From<std::num::ParseIntError> for Refused { fn from(e: std::num::ParseIntError) -> Self { Refused::Parse(e) } }
struct Loud(&'static str);
impl Drop for Loud { fn drop(&mut self) { println!("dropped {}", self.0); } }
fn parse(text: &str) -> Result<u32, Refused> { let n: u32 = text.trim().parse()?; if n > 10 { Err(Refused::TooMuch { amount: n }) } else { Ok(n) } }
fn main() {
    println!("{:?} {:?} {}", parse(" 7 "), parse("x").map_err(|e| e.to_string()), parse("12").unwrap_err());
    let caught = std::panic::catch_unwind(|| { let _loud = Loud("inner"); let v: Vec<i32> = Vec::new(); v[std::hint::black_box(3)] });
    println!("{}", caught.is_err());
    let _loud = Loud("outer");
    let text: Option<&str> = std::hint::black_box(None);
    text.expect("nothing there");
}
