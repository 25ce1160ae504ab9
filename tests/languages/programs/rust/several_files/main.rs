mod shapes;

use shapes::{rectangle::Rectangle, words};

fn main() {
    let r = Rectangle { width: 3, height: 4 };
    println!("area {}", r.area());
    println!("perimeter {}", r.perimeter());
    println!("{}", words::greeting());
}
