//! Benchmarks beside the raw limit: `cargo bench`. What is measured stands in `benches/`.

pub mod sql;
