//! Benchmarks of revocation lists and of what is made of them, at the size of the nation; see `benches`. Holds no code.
