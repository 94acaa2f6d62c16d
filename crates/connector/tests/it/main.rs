//! The card window through its router, over a reader that counts how often a card was touched.

#![cfg(test)]

mod asking;
mod conditions;
mod reader;
mod window;
