//! The formats of document signatures: files of independent tools, and copies of them that must be refused.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::duplicate_mod,
    reason = "the tests' support is not in test functions"
)]

mod bundle;
mod cms;
mod cms_message;
mod cms_refusals;
mod cms_robustness;
mod cms_unsigned;
mod fuzz;
mod judgement;
mod jws;
mod jws_jades;
mod jws_support;
mod pdf;
mod pdf_attacks;
mod pdf_changes;
mod pdf_escapes;
mod pdf_reader;
mod pdf_support;
mod pdf_verdicts;
mod published_failures;
mod raw;
mod raw_support;
mod report;
mod report_of;
mod timestamp;
mod xml_c14n;
mod xml_reader;
mod xml_refusals;
mod xml_signatures;
mod xml_support;
mod xml_work;
mod xml_wrapping;
mod xml_xades;
