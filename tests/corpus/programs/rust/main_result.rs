fn main() -> Result<(), Box<dyn std::error::Error>> {
    println!("before");
    let number: i32 = "zwölf".parse()?;
    println!("{number}");
    Ok(())
}
