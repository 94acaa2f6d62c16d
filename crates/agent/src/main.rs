//! The program `musubi-agent`.

fn main() {}
