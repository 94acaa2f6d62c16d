//! The card as a whole.

mod client;
