//! The form of entries and heartbeats.

mod form;
