pub fn greeting() -> String {
    include_str!("greeting.txt").trim().to_string()
}
