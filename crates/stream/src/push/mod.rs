//! Sending of the stream to receivers that listen: RFC 8935 push and Standard Webhooks.

use musubi_store::Migration;

/// The feature's schema.
pub const MIGRATIONS: &[Migration] = &[];
