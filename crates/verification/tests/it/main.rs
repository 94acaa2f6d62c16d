//! The verification service through its routes, on both databases, under a small authority of certificates and lists.

#![cfg(test)]
#![allow(dead_code, reason = "the support of the pki crate's tests has more than is needed here")]

mod bulk;
mod hostile;
mod matching;
mod succession;
#[path = "../../../pki/tests/it/support/mod.rs"]
mod support;
mod watching;
mod world;
