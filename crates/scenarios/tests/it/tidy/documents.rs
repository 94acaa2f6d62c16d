//! The documents tell the truth: what they name exists, what they promise is configured.

use std::collections::BTreeSet;

use super::{File, files, hold, root};

fn documents() -> Vec<File> {
    files().into_iter().filter(|file| file.extension() == "md").collect()
}

fn document(path: &str) -> String {
    std::fs::read_to_string(root().join(path)).unwrap_or_else(|error| panic!("{path}: {error}"))
}

/// The text outside of fenced blocks.
fn prose(text: &str) -> String {
    let mut fenced = false;
    let mut out = String::new();
    for line in text.lines() {
        if line.trim_start().starts_with("```") {
            fenced = !fenced;
        } else if !fenced {
            out.push_str(line);
        }
        out.push('\n');
    }
    out
}

/// What stands between backticks, with its line.
fn quoted(text: &str) -> Vec<(usize, String)> {
    let mut found = Vec::new();
    for (number, line) in prose(text).lines().enumerate() {
        let inside = line.split('`').skip(1).step_by(2);
        found.extend(inside.map(|token| (number + 1, token.to_owned())));
    }
    found
}

/// A token that is meant as a path of this repository.
fn as_path(token: &str) -> Option<&str> {
    let below = ["crates/", "docs/", "scripts/", ".ci/"].iter().any(|folder| token.starts_with(folder));
    let plain = !token.contains([' ', '*', '<', '{', '…', '$', '|']);
    (below && plain).then(|| token.trim_end_matches('/'))
}

#[test]
fn every_path_in_the_documents_exists() {
    let root = root();
    let mut faults = Vec::new();
    for file in documents() {
        for (line, token) in quoted(&file.text) {
            if as_path(&token).is_some_and(|path| !root.join(path).exists()) {
                faults.push(format!("{}:{line}: {token}", file.path));
            }
        }
    }
    hold("a document names a path that does not exist:", faults);
}

#[test]
fn every_local_link_leads_somewhere() {
    let root = root();
    let mut faults = Vec::new();
    for file in documents() {
        let folder = root.join(file.path.rsplit_once('/').map_or("", |(folder, _)| folder));
        for (number, line) in prose(&file.text).lines().enumerate() {
            for rest in line.split("](").skip(1) {
                let target = rest.split([')', '#', ' ']).next().unwrap_or_default();
                let local = !target.is_empty() && !target.contains("://") && !target.starts_with("mailto:");
                if local && !folder.join(target).exists() {
                    faults.push(format!("{}:{}: {target}", file.path, number + 1));
                }
            }
        }
    }
    hold("a link leads nowhere:", faults);
}

#[test]
fn architecture_names_every_crate_and_stays_short() {
    let text = document("ARCHITECTURE.md");
    let mut faults = Vec::new();
    for entry in std::fs::read_dir(root().join("crates")).expect("crates/") {
        let name = entry.expect("crates/").file_name().to_string_lossy().into_owned();
        if !text.contains(&format!("`crates/{name}`")) {
            faults.push(name);
        }
    }
    hold("ARCHITECTURE.md does not name these crates as `crates/…`:", faults);
    let lines = text.lines().count();
    assert!(lines <= 250, "ARCHITECTURE.md has {lines} lines; a map that nobody reads is none: 250 at most");
}

#[test]
fn every_function_and_test_that_a_document_names_exists() {
    let mut functions = BTreeSet::new();
    for file in files() {
        if !["rs", "js"].contains(&file.extension()) {
            continue;
        }
        for keyword in ["fn ", "function "] {
            for rest in file.text.split(keyword).skip(1) {
                functions.insert(
                    rest.split(|c: char| !c.is_alphanumeric() && c != '_')
                        .next()
                        .unwrap_or_default()
                        .to_owned(),
                );
            }
        }
    }
    let mut faults = Vec::new();
    for file in documents() {
        for (line, token) in quoted(&file.text) {
            let name = match token.strip_suffix("()") {
                Some(call) => call,
                None if token.starts_with("tidy::") => &token,
                None => continue,
            };
            let name = name.rsplit(['.', ':']).next().unwrap_or_default();
            if !functions.contains(name) {
                faults.push(format!("{}:{line}: {token}", file.path));
            }
        }
    }
    hold("a document names a function or a test that does not exist:", faults);
}

fn workspace(key: &str) -> String {
    let manifest = document("Cargo.toml");
    let begin = format!("{key} = \"");
    let line = manifest
        .lines()
        .find_map(|line| line.strip_prefix(begin.as_str()))
        .unwrap_or_else(|| panic!("no {key}"));
    line.trim_end_matches('"').to_owned()
}

#[test]
fn the_changelog_knows_this_version() {
    let version = workspace("version");
    let log = document("CHANGELOG.md");
    assert!(log.contains(&format!("\n## [{version}]")), "CHANGELOG.md has no heading for {version}");
    assert!(log.contains("\n## [Unreleased]"), "CHANGELOG.md has no heading for what comes next");
}

#[test]
fn the_readme_says_what_is_needed_and_how_it_is_tested() {
    let readme = document("README.md");
    for promised in [&format!("Rust {}", workspace("rust-version")), "cargo run --release", "scripts/test"] {
        assert!(readme.contains(promised), "README.md does not say {promised}");
    }
    let run = document(".ci/run");
    let commands: Vec<&str> = run.lines().filter(|line| !line.starts_with('#') && !line.is_empty()).collect();
    assert_eq!(commands, ["exec bash scripts/test"], "CI runs the README's test command and nothing else");
}

#[test]
fn decisions_are_numbered_complete_and_listed() {
    let index = document("docs/README.md");
    let records: Vec<File> = documents()
        .into_iter()
        .filter(|file| file.path.starts_with("docs/adr/") && file.name() != "README.md")
        .collect();
    assert!(records.len() >= 10, "{} decision records", records.len());
    let mut faults = Vec::new();
    for (position, file) in records.iter().enumerate() {
        if !file.name().starts_with(&format!("{:04}-", position + 1)) {
            faults.push(format!("{} is not number {:04}", file.path, position + 1));
        }
        for heading in ["## Context", "## Decision", "## Consequences"] {
            if !file.text.lines().any(|line| line == heading) {
                faults.push(format!("{} has no «{heading}»", file.path));
            }
        }
        if !index.contains(&format!("(adr/{})", file.name())) {
            faults.push(format!("docs/README.md does not list {}", file.name()));
        }
    }
    hold("decision records:", faults);
}

#[test]
fn the_example_configuration_is_understood() {
    let config = musubi_server::config::Config::read(&root().join("docs/musubi.example.toml"));
    config
        .expect("docs/musubi.example.toml is what `musubi serve` reads")
        .anchors()
        .expect("the built-in roots");
}
