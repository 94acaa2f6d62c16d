//! The platform's own pages. No SQL and no rules: they call the services of `verification` and `platform`.

pub mod portal;
