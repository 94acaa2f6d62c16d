//! Files in `docs/` that are printed from the code: committed, and compared here. `MUSUBI_BLESS=1` writes them anew.

use std::path::PathBuf;

pub(super) fn docs(name: &str) -> PathBuf {
    PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs")).join(name)
}

/// The committed file must be `text`.
pub(super) fn assert_committed(name: &str, text: &str) {
    let file = docs(name);
    if std::env::var("MUSUBI_BLESS").is_ok_and(|bless| bless == "1") {
        std::fs::write(&file, text).unwrap();
    }
    let committed = std::fs::read_to_string(&file).unwrap_or_default();
    let differs = committed.lines().zip(text.lines()).position(|(a, b)| a != b);
    let line = differs.unwrap_or(committed.lines().count().min(text.lines().count())) + 1;
    assert!(
        committed == text,
        "docs/{name} is not what the code says, first in line {line}; write it anew with\n    MUSUBI_BLESS=1 cargo nextest run -p musubi-scenarios committed"
    );
}
