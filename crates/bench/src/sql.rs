//! The one table of the commit benchmark.

/// A table of one column.
pub const CREATE: &str = "CREATE TABLE bench (id {int} PRIMARY KEY)";
/// One row.
pub const INSERT: &str = "INSERT INTO bench (id) VALUES ($1)";
