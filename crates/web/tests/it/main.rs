//! The portal through its router, on both databases, in the world of the verification crate's tests.

#![cfg(test)]
#![allow(dead_code, reason = "the support of other crates' tests has more than is needed here")]

#[path = "../../../pki/tests/it/support/mod.rs"]
mod support;
mod watching;
#[path = "../../../verification/tests/it/world.rs"]
mod world;
