//! Tidy tests: the invariants of ARCHITECTURE.md, held by reading the sources. They need no database, no network
//! and no built program but `cargo` itself.
//!
//! A rule that does not fit some code is argued in an exception list beside it, with the reason. An exception that
//! is no longer needed fails too: the lists only shrink.

mod arrows;
mod documents;
mod guests;
mod hygiene;
mod layers;
mod sources;

use std::path::{Path, PathBuf};

/// The repository.
fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..").canonicalize().expect("the repository's root")
}

/// A file by its path below the repository, with `/` between folders.
struct File {
    path: String,
    text: String,
}

impl File {
    fn name(&self) -> &str {
        self.path.rsplit('/').next().unwrap_or(&self.path)
    }

    fn extension(&self) -> &str {
        self.name().rsplit_once('.').map_or("", |(_, extension)| extension)
    }

    /// The folder below `crates/`, if it is a crate's file.
    fn crate_folder(&self) -> Option<&str> {
        self.path.strip_prefix("crates/")?.split('/').next()
    }

    /// Whether it is compiled for tests, benchmarks or examples only.
    fn is_test(&self) -> bool {
        let folders = ["/tests/", "/benches/", "/examples/"];
        folders.iter().any(|folder| self.path.contains(folder))
            || ["tests.rs", "test_support.rs"].contains(&self.name())
    }
}

/// Folders that hold no source.
const SKIPPED: [&str; 5] = ["target", ".git", ".data", "node_modules", "screenshots"];

/// Every text file of the repository, in order. Files that are not UTF-8 are data.
fn files() -> Vec<File> {
    let root = root();
    let mut found = Vec::new();
    walk(&root, &root, &mut |path, whole| {
        if let Ok(text) = std::fs::read_to_string(whole) {
            found.push(File { path, text });
        }
    });
    found.sort_by(|a, b| a.path.cmp(&b.path));
    found
}

fn rust_files() -> Vec<File> {
    files().into_iter().filter(|file| file.extension() == "rs").collect()
}

fn walk(root: &Path, folder: &Path, visit: &mut dyn FnMut(String, &Path)) {
    for entry in std::fs::read_dir(folder).expect("a readable folder") {
        let path = entry.expect("a readable folder").path();
        let name = path.file_name().and_then(|name| name.to_str()).unwrap_or_default().to_owned();
        if path.is_dir() {
            if !SKIPPED.contains(&name.as_str()) {
                walk(root, &path, visit);
            }
        } else {
            let below = path.strip_prefix(root).expect("below the root");
            visit(below.to_string_lossy().replace('\\', "/"), &path);
        }
    }
}

/// Fails with all `faults`, one per line, under the rule that they break.
#[track_caller]
fn hold(rule: &str, faults: Vec<String>) {
    assert!(faults.is_empty(), "{rule}\n{}", faults.join("\n"));
}

/// Fails for every exception that excused nothing.
#[track_caller]
fn needed(exceptions: &[(&str, &str)], used: &[String]) {
    let idle: Vec<String> = exceptions
        .iter()
        .filter(|(path, _)| !used.iter().any(|u| u == path))
        .map(|(path, _)| (*path).to_owned())
        .collect();
    hold("these exceptions are no longer needed; take them off the list:", idle);
}
