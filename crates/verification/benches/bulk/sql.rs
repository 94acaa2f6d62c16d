//! The rows that the benchmark puts where linking would have put them.

use musubi_store::Target;

/// Customers who are linked and not watched.
pub(crate) const LINKS: Target = Target {
    table: "link",
    columns: &["relying_party_id", "person_id", "customer_id", "attributes_serial", "created_at"],
};

/// What PostgreSQL does by itself within a minute, and what it plans badly without.
pub(crate) const ANALYZE: &str = "ANALYZE link";
