//! Benchmarks of revocation lists at the size of the nation: see `benches/status/`. A crate of its own, since it needs no
//! server and builds without one, unlike `musubi-bench`. Run by `scripts/bench-status`.
