//! End-to-end stories, tidy tests, golden files.
