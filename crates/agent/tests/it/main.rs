//! The resident's program from outside.

mod serve;
