#![recursion_limit = "4000000"]
macro_rules! bomb { ($($x:tt)*) => { bomb!($($x)* $($x)* x) }; }
fn main() { bomb!(x); }
