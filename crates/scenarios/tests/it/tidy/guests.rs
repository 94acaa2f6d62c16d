//! Dependencies are guests: licences that anyone may live with, and crates that must not come in.

use std::collections::BTreeSet;
use std::process::Command;

use super::{hold, needed, root};

const ALLOWED: [&str; 15] = [
    "MIT",
    "MIT-0",
    "Apache-2.0",
    "Apache-2.0 WITH LLVM-exception",
    "ISC",
    "BSD-2-Clause",
    "BSD-3-Clause",
    "0BSD",
    "Zlib",
    "Unicode-3.0",
    "CDLA-Permissive-2.0",
    "BlueOak-1.0.0",
    "CC0-1.0",
    "Unlicense",
    "BSL-1.0",
];

/// Crates with another licence that only tests link, and why.
const TESTS_ONLY: [(&str, &str); 1] =
    [("webdriver", "MPL-2.0, unchanged; types of the browser driver in the browser stories")];

/// Crates that must not come in, not even through others.
const BANNED: [(&str, &str); 6] = [
    ("ring", "a second cryptographic library; years between releases"),
    ("openssl-sys", "a cryptographic library of the system; the build would depend on it"),
    ("native-tls", "brings openssl-sys"),
    ("rsa", "RUSTSEC-2023-0071 (Marvin) is not mended; ten times slower than aws-lc-rs"),
    ("chrono", "a second library of time"),
    ("libpq-sys", "a library of the system"),
];

/// `(name, licence)` of every crate that the workspace builds on this machine.
fn guests(edges: &str) -> BTreeSet<(String, String)> {
    let cargo = std::env::var("CARGO").unwrap_or_else(|_| "cargo".into());
    let output = Command::new(cargo)
        .args([
            "tree",
            "--workspace",
            "--locked",
            "--offline",
            "--prefix",
            "none",
            "--format",
            "{p}|{l}",
            "--edges",
            edges,
        ])
        .current_dir(root())
        .output()
        .expect("cargo runs");
    assert!(output.status.success(), "cargo tree: {}", String::from_utf8_lossy(&output.stderr));
    let text = String::from_utf8(output.stdout).expect("UTF-8");
    text.lines()
        .filter_map(|line| line.trim_end_matches(" (*)").split_once('|'))
        .map(|(package, licence)| {
            (package.split(' ').next().unwrap_or_default().to_owned(), licence.to_owned())
        })
        .filter(|(name, _)| !name.is_empty())
        .collect()
}

/// Whether an SPDX expression can be met with the allowed licences alone. The old `MIT/Apache-2.0` is an OR.
fn can_be_met(expression: &str) -> bool {
    let spaced =
        expression.replace('(', " ( ").replace(')', " ) ").replace('/', " OR ").replace(" WITH ", "_WITH_");
    let words: Vec<&str> = spaced.split_whitespace().collect();
    let mut at = 0;
    let met = any(&words, &mut at);
    met && at == words.len()
}

fn any(words: &[&str], at: &mut usize) -> bool {
    let mut met = all(words, at);
    while words.get(*at) == Some(&"OR") {
        *at += 1;
        met |= all(words, at);
    }
    met
}

fn all(words: &[&str], at: &mut usize) -> bool {
    let mut met = one(words, at);
    while words.get(*at) == Some(&"AND") {
        *at += 1;
        met &= one(words, at);
    }
    met
}

fn one(words: &[&str], at: &mut usize) -> bool {
    let word = words.get(*at).copied().unwrap_or_default();
    *at += 1;
    if word == "(" {
        let met = any(words, at);
        *at += 1;
        return met;
    }
    ALLOWED.contains(&word.replace("_WITH_", " WITH ").as_str())
}

#[test]
fn licences_are_read_as_spdx_means_them() {
    for good in [
        "MIT",
        "MIT OR GPL-3.0",
        "GPL-3.0/MIT",
        "(MIT OR GPL-2.0) AND ISC",
        "Apache-2.0 WITH LLVM-exception OR X",
    ] {
        assert!(can_be_met(good), "{good}");
    }
    for bad in [
        "",
        "GPL-3.0",
        "MIT AND GPL-3.0",
        "(MIT OR ISC) AND MPL-2.0",
        "Apache-2.0 WITH GPL-exception",
        "MIT MIT",
    ] {
        assert!(!can_be_met(bad), "{bad}");
    }
}

#[test]
fn every_dependency_has_an_allowed_licence() {
    let shipped = guests("normal,build");
    assert!(shipped.len() > 100, "only {} crates were looked at", shipped.len());
    let faults = |set: &BTreeSet<(String, String)>, excused: &[(&str, &str)]| -> Vec<String> {
        set.iter()
            .filter(|(name, licence)| !can_be_met(licence) && !excused.iter().any(|(e, _)| e == name))
            .map(|(name, licence)| format!("{name}: {licence}"))
            .collect()
    };
    // `scenarios` holds tests only, and its ordinary dependency is the demo.
    hold("what is shipped has a permissive licence:", faults(&shipped, &[]));
    let every = guests("normal,build,dev");
    hold("what tests link has a permissive licence or stands on the list:", faults(&every, &TESTS_ONLY));
    let used: Vec<String> = every.into_iter().map(|(name, _)| name).collect();
    needed(&TESTS_ONLY, &used);
}

#[test]
fn banned_crates_stay_out() {
    let every = guests("normal,build,dev");
    let faults = BANNED
        .iter()
        .filter(|(banned, _)| every.iter().any(|(name, _)| name == banned))
        .map(|(banned, why)| format!("{banned}: {why}"))
        .collect();
    hold("these crates must not be in the tree (cargo tree --invert NAME says who brings one):", faults);
}
