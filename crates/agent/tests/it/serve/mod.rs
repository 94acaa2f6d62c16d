//! The connector for browsers through its router, over a virtual card.

mod gate;
mod people;
mod program;
mod station;
