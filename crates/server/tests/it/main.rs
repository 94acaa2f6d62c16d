//! The operator's program as a process: what it writes and how it exits.

mod inspect;
mod path_batch;
mod program;
mod usage;
mod verify;
