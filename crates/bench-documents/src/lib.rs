//! Benchmarks of signed documents: see `benches/`. A crate of its own, since it needs no server and builds without
//! one, unlike `musubi-bench`. Run by `scripts/bench-documents`, which makes the documents.
