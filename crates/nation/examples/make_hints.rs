//! Writes `src/hints.bin` anew: how far the primes of the default seed lie from their starting points. Run it
//! after adding a resident: `cargo run -p musubi-nation --example make_hints`. Takes some minutes.

fn main() -> std::io::Result<()> {
    std::fs::write(concat!(env!("CARGO_MANIFEST_DIR"), "/src/hints.bin"), musubi_nation::make_hints())
}
