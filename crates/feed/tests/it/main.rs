//! The form of entries and heartbeats, and what a receiver makes of them.

mod days;
mod form;
mod receiver;
mod truth;
mod vectors;
mod wild;
