//! Serving of the stream to receivers that ask: by pages (`GET /v1/change-events`), which may wait for the next entry, by
//! server-sent events (`GET /v1/change-events/live`), and its heartbeat (`GET /v1/change-events/heartbeat`).
//!
//! Keeps nothing: a receiver says after which number it wants to go on. Nothing here ever leaves out an entry.

pub(crate) mod http;
pub(crate) mod live;
