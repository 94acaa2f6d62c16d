//! The references of codes that outsiders see: printed from the code, committed, compared.

use std::collections::BTreeSet;
use std::fmt::Write as _;

use musubi_httpkit::ProblemKind;
use musubi_pki::{ReasonCode, ReasonText};
use musubi_platform::audit::AUDIT_EVENTS;

use super::golden::assert_committed;

/// Every crate's list of problems, with the heading of its part.
fn problems() -> [(&'static str, &'static [&'static ProblemKind]); 8] {
    [
        ("Any request", musubi_httpkit::PROBLEMS),
        ("Client authentication, repeated requests, audit log", musubi_platform::PROBLEMS),
        ("Identity proofing, entitlement check, change check", musubi_verification::problems::PROBLEMS),
        ("The change stream", musubi_stream::PROBLEMS),
        ("The change stream's endpoint", musubi_stream::push::PROBLEMS),
        ("The card window", musubi_connector::PROBLEMS),
        ("The card window of musubi-agent", musubi_agent::serve::PROBLEMS),
        ("Virtual cards of the simulated nation", musubi_nation::PROBLEMS),
    ]
}

#[test]
fn no_code_means_two_things() {
    let mut problems_seen = BTreeSet::new();
    for kind in problems().iter().flat_map(|(_, kinds)| *kinds) {
        assert!(problems_seen.insert(kind.code), "{}", kind.code);
        assert!(
            kind.code.as_str().bytes().all(|b| b.is_ascii_lowercase() || b"._".contains(&b)),
            "{}",
            kind.code
        );
    }
    let reasons: BTreeSet<_> = ReasonCode::ALL.iter().map(|reason| reason.code()).collect();
    assert_eq!(reasons.len(), ReasonCode::ALL.len());
    let names: BTreeSet<_> = AUDIT_EVENTS.iter().map(|event| event.name).collect();
    assert_eq!(names.len(), AUDIT_EVENTS.len());
}

fn text(out: &mut String, language: &str, what: &str, next: &str) {
    let space = if what.is_ascii() { " " } else { "" };
    writeln!(out, "- {language}: {what}{space}{next}").unwrap();
}

#[test]
fn the_committed_reference_of_errors_is_what_the_code_says() {
    let mut out = String::from(
        "# Error codes / エラーコード\n\n\
         Printed from the code; a test compares. Published codes keep their meaning.\n\n\
         A *problem* (RFC 9457, `application/problem+json`) says that a request was not answered: `code` is stable, \
         `detail.ja` and `detail.en` say what happened and what to do next. A *reason* stands in a verdict that did not \
         pass: the request was answered, with status 200.\n\n\
         問題(problem)はリクエストに応答できなかったこと、理由(reason)は検証に合格しなかった理由を示します。\n",
    );
    for (heading, kinds) in problems() {
        write!(out, "\n## Problems: {heading}\n").unwrap();
        let mut kinds = kinds.to_vec();
        kinds.sort_by_key(|kind| kind.code);
        for kind in kinds {
            write!(out, "\n### `{}` ({})\n\n{}\n\n", kind.code, kind.status, kind.title_en).unwrap();
            text(&mut out, "日本語", kind.ja.what, kind.ja.next);
            text(&mut out, "English", kind.en.what, kind.en.next);
        }
    }
    out.push_str("\n## Reasons of verdicts\n");
    for reason in ReasonCode::ALL {
        let (ReasonText { what: ja, next: ja_next }, ReasonText { what: en, next: en_next }) =
            (reason.ja(), reason.en());
        write!(out, "\n### `{}`\n\n", reason.code()).unwrap();
        text(&mut out, "日本語", ja, ja_next);
        text(&mut out, "English", en, en_next);
    }
    assert_committed("errors.md", &out);
}

#[test]
fn the_committed_reference_of_audit_events_is_what_the_code_says() {
    let mut out = String::from(
        "# Audit events / 監査イベント\n\n\
         Printed from the code; a test compares. Published names keep their meaning. Every record is a leaf of the \
         audit log's Merkle tree (RFC 9162); the resident whom it concerns reads it in the portal.\n\n\
         | name | 日本語 | English |\n| --- | --- | --- |\n",
    );
    for event in AUDIT_EVENTS {
        writeln!(out, "| `{}` | {} | {} |", event.name, event.ja, event.en).unwrap();
    }
    assert_committed("audit-events.md", &out);
}
