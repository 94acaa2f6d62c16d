//! The resident's program `musubi-agent`: cards on PC/SC readers for the command line and for browsers, and virtual cards
//! of the simulated nation for other people's middleware. PINs are typed here and go to the card, nowhere else.

pub mod cli;
mod commands;
mod messages;
pub mod pcsc;
pub mod serve;
mod terminal;
mod virtual_reader;
