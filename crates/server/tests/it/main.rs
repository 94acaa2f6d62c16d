//! The operator's program as a process: what it writes and how it exits.

mod replay;
