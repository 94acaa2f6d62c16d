//! Serving of the stream to receivers that ask: pages, poll, server-sent events, daily file.

use musubi_store::Migration;

/// The feature's schema.
pub const MIGRATIONS: &[Migration] = &[];
