//! Benchmarks of signed documents: see `benches/`. A crate of its own, since it needs no server and builds in a fifth of
//! the time of `musubi-bench`. Run by `scripts/bench-documents`, which makes the documents.
