//! Poll-based delivery (RFC 8936): a receiver fetches what it has not acknowledged, and acknowledges in any order.
//!
//! ```text
//!  floor                                        ahead
//!  ──────┤ all acknowledged ├───┬───┬───┬───┬──►
//!                            [n+1] ok [n+3] ok      an acknowledged number beyond a missing one is kept
//! ```
//! What is not acknowledged is sent again with the next poll. A paused or disabled stream gives nothing, and loses nothing.
//! A poll takes no idempotency key: to acknowledge twice is to acknowledge.

pub(crate) mod http;
mod service;
mod sql;

use musubi_store::Migration;

/// The feature's schema.
pub const MIGRATIONS: &[Migration] =
    &[Migration { name: "poll/0001_acknowledged", sql: include_str!("migrations/0001_acknowledged.sql") }];
