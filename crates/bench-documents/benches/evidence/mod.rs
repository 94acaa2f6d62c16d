//! The documents that `scripts/bench-documents` makes, and what they are judged with: the hierarchy of the signature
//! crate's fixtures.

use std::path::{Path, PathBuf};

use musubi_kernel::UnixTime;
use musubi_pki::ValidationPolicy;
use musubi_pki::path::PathAnchors;
use musubi_signature::Context;

/// Where the documents are; the program ends if there are none.
pub(crate) fn folder() -> PathBuf {
    let given = std::env::var_os("MUSUBI_BENCH_DOCUMENTS").map(PathBuf::from);
    let folder = given.unwrap_or_else(|| {
        Path::new(env!("CARGO_MANIFEST_DIR")).join("../../target/bench-documents/documents")
    });
    if !folder.join("cms.p7").exists() {
        eprintln!("no documents in {}; scripts/bench-documents makes them", folder.display());
        std::process::exit(2);
    }
    folder
}

/// A file of the fixture hierarchy.
pub(crate) fn pki(name: &str) -> Vec<u8> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../signature/tests/fixtures/pki");
    std::fs::read(folder.join(name)).unwrap()
}

/// Roots, lists, policy and time.
pub(crate) struct Hierarchy {
    anchors: PathAnchors,
    intermediate: Vec<u8>,
    lists: [Vec<u8>; 2],
    policy: ValidationPolicy,
}

impl Hierarchy {
    pub(crate) fn load() -> Self {
        Self {
            anchors: PathAnchors::from_certificates([pki("root.der")]).unwrap(),
            intermediate: pki("intermediate.der"),
            lists: [pki("intermediate.crl"), pki("root.crl")],
            policy: ValidationPolicy::default(),
        }
    }

    /// Runs `judge` with everything that a verdict needs beside the document.
    pub(crate) fn with<T>(&self, judge: impl FnOnce(&Context<'_>) -> T) -> T {
        let certificates = [self.intermediate.as_slice()];
        let lists = [self.lists[0].as_slice(), self.lists[1].as_slice()];
        judge(&Context {
            anchors: &self.anchors,
            timestamp_anchors: &self.anchors,
            certificates: &certificates,
            crls: &lists,
            ocsp: &[],
            policy: &self.policy,
            judged_at: UnixTime::parse_rfc3339("2026-12-01T00:00:00Z").unwrap(),
        })
    }
}

/// Where `cargo` builds.
pub(crate) fn target() -> PathBuf {
    let given = std::env::var_os("CARGO_TARGET_DIR").map(PathBuf::from);
    given.unwrap_or_else(|| Path::new(env!("CARGO_MANIFEST_DIR")).join("../../target"))
}

/// Keeps the figures of a run.
pub(crate) fn keep(name: &str, figures: &serde_json::Value) {
    let out = target().join("bench-documents");
    drop(std::fs::create_dir_all(&out));
    drop(std::fs::write(out.join(name), figures.to_string()));
}
