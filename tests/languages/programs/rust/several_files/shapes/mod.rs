pub mod rectangle;
pub mod words;
