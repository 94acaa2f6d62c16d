//! The change stream's form, and how a receiver checks it (`docs/spec/change-stream.md`).
//!
//! Each relying party has one sequence. An entry is a Security Event Token (RFC 8417): a compact JWS of type
//! `secevent+jwt`, signed by the platform with Ed25519 (RFC 8037). Its claim `musubi_chain` has the entry's number, from 1
//! without gaps, and the SHA-256 of the entry before it: so a gap, a fork, a swap or a forgery shows. The bytes of an entry
//! are the same by whichever way it comes: push, poll, server-sent events, pages, daily file.
//!
//! A heartbeat is a signed token outside the sequence: "nothing else for your N customers up to sequence S, as of these
//! lists".
//!
//! Does no I/O: whoever receives brings the bytes and keeps the place.

mod chain;
mod day;
mod event;
mod heartbeat;
mod receiver;
mod token;

pub use chain::{Entry, Position, Stream, event_of_own, open_entry, seal_entry};
pub use day::{DayReader, DayRefusal, DayStatement, open_day, seal_day};
pub use event::{
    CONSENT, CORRECTION, CREDENTIAL_CHANGE, CREDENTIAL_COMPROMISE, DAY, EVENT_TYPES, Event, EventType,
    HEARTBEAT, SETTLED, STREAM_UPDATED, VERIFICATION, WATCH, event_type,
};
pub use heartbeat::{Heartbeat, ListInUse, open_heartbeat, seal_heartbeat};
pub use receiver::{
    Accepted, Contradiction, HELD_BACK, Heard, Place, Proven, REMEMBERED, Receiver, Refusal, Standing,
};
pub use token::{SigningKeyId, TokenError, VerifyingKey};
