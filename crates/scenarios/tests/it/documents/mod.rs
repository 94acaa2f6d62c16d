//! Documents that independent tools sign while the tests run, with the keys of the fixtures: they verify, and their
//! tampered copies do not. Where a tool verifies too, it is asked as well.

mod cms;
mod pdf;
mod time_stamps;
mod xml;

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use musubi_kernel::{Clock as _, SystemClock, UnixTime};
use musubi_pki::path::PathAnchors;
use musubi_pki::{Indication, ValidationPolicy};
use musubi_signature::{Context, DocumentJudgement, NotASignature, judge_document};

/// Where the keys are, and what the tools' scripts start from.
fn fixtures() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../signature/tests/fixtures")
}

fn pki(file: &str) -> PathBuf {
    fixtures().join("pki").join(file)
}

/// Whether the command is there; if not, that is said.
fn has(command: &str, version: &str) -> bool {
    let asked = Command::new(command).arg(version).stdout(Stdio::null()).stderr(Stdio::null()).status();
    if asked.is_err() {
        musubi_store::testing::left_out(&format!("documents signed by {command} (it is not installed)"));
    }
    asked.is_ok()
}

/// Runs a script of this folder with the interpreter that has the signers; `None`, and it is said, if there is none.
fn python(script: &str) -> Option<tempfile::TempDir> {
    let Some(python) = std::env::var_os("MUSUBI_SIGNERS_PYTHON") else {
        musubi_store::testing::left_out(
            "documents signed by pyhanko and signxml (MUSUBI_SIGNERS_PYTHON is not set)",
        );
        return None;
    };
    let folder = tempfile::tempdir().unwrap();
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/it/documents").join(script);
    done(Command::new(python).arg("-B").arg(script).arg(fixtures()).arg(folder.path()));
    Some(folder)
}

/// Runs a command that must succeed.
fn done(command: &mut Command) {
    let output = command.stdin(Stdio::null()).output().unwrap();
    assert!(output.status.success(), "{command:?}\n{}", String::from_utf8_lossy(&output.stderr));
}

/// Whether a command succeeds.
fn agrees(command: &mut Command) -> bool {
    command.stdin(Stdio::null()).output().unwrap().status.success()
}

/// Judges documents now, under the hierarchy of the fixtures.
struct Judge {
    anchors: PathAnchors,
    intermediate: Vec<u8>,
    crls: [Vec<u8>; 2],
    policy: ValidationPolicy,
    now: UnixTime,
}

impl Judge {
    fn new() -> Self {
        let read = |file| std::fs::read(pki(file)).unwrap();
        Self {
            anchors: PathAnchors::from_certificates([read("root.der")]).unwrap(),
            intermediate: read("intermediate.der"),
            crls: [read("intermediate.crl"), read("root.crl")],
            policy: ValidationPolicy::default(),
            now: SystemClock.now(),
        }
    }

    fn judge(&self, file: &[u8], content: Option<&[u8]>) -> Result<DocumentJudgement, NotASignature> {
        let context = Context {
            anchors: &self.anchors,
            timestamp_anchors: &self.anchors,
            certificates: &[&self.intermediate],
            crls: &[&self.crls[0], &self.crls[1]],
            ocsp: &[],
            policy: &self.policy,
            judged_at: self.now,
        };
        judge_document(file, content, &context)
    }

    fn passes(&self, file: &[u8], content: Option<&[u8]>) -> bool {
        self.judge(file, content).is_ok_and(|judged| judged.indication() == Indication::TotalPassed)
    }

    /// The document passes with so many signatures; what is wrong otherwise.
    fn assert_passes(&self, name: &str, file: &[u8], content: Option<&[u8]>, signatures: usize) {
        let judged = self.judge(file, content).unwrap_or_else(|e| panic!("{name}: {e}"));
        for one in &judged.signatures {
            assert!(one.verdict.is_passed(), "{name}: {:#?}", one.verdict);
        }
        assert_eq!(judged.signatures.len(), signatures, "{name}");
    }
}

/// About so many positions, evenly spread over those in question, another set for each document.
fn spread(positions: Vec<usize>, count: usize) -> Vec<usize> {
    let step = (positions.len() / count).max(1);
    let first = positions.len() % step;
    positions.into_iter().skip(first).step_by(step).collect()
}

fn with_bit_changed(file: &[u8], at: usize) -> Vec<u8> {
    let mut changed = file.to_vec();
    changed[at] ^= 1;
    changed
}

/// Where `part` stands, once.
fn position(file: &[u8], part: &[u8]) -> usize {
    let mut all = (0..file.len()).filter(|at| file[*at..].starts_with(part));
    let at = all.next().unwrap();
    assert_eq!(all.next(), None);
    at
}
