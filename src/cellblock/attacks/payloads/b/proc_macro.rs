#![crate_type = "proc-macro"]
extern crate proc_macro;
#[proc_macro]
pub fn told(_: proc_macro::TokenStream) -> proc_macro::TokenStream {
    std::fs::write("@CANARY_DIR@/open", "x").unwrap();
    proc_macro::TokenStream::new()
}
fn main() { println!("attempt"); }
