//! A revocation list of 25 million entries: taken in, kept, mapped, asked, changed by a delta, compared; beside
//! `openssl crl`, the crate `x509-cert`, a sorted array and hash sets, on the same data and in one run.
//!
//! The list is made and signed here by a throw-away authority: serial numbers without replacement from 1 to 110 million in
//! order, times over five years in no order, the seven reasons of the JPKI. What is measured in a process of its own, with its
//! peak (`VmHWM`, Linux), is: the intake, the start, each peer. Wall time is for what people wait for, processor time beside
//! it for a machine that has other things to do; lookups are by processor time of one thread.
//!
//! `scripts/bench-status --help` says how to run it.

#![allow(
    missing_docs,
    clippy::unwrap_used,
    clippy::panic,
    clippy::print_stdout,
    clippy::print_stderr,
    clippy::indexing_slicing,
    clippy::disallowed_methods,
    reason = "a benchmark measures time and prints what it found"
)]

mod made;
mod measure;
mod peers;
/// The small authority of the JPKI of the pki crate's own tests.
#[path = "../../../pki/tests/it/support/mod.rs"]
#[allow(dead_code, unused_imports, unreachable_pub, reason = "shared with another crate's tests")]
mod support;

use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::{Value, json};

/// In the environment of a process that measures one thing.
const PART: &str = "MUSUBI_BENCH_STATUS_PART";

struct Options {
    entries: u64,
    folder: PathBuf,
    keep: Option<PathBuf>,
    peers: bool,
}

fn options() -> Options {
    let mut options = Options {
        entries: 25_000_000,
        folder: std::env::temp_dir().join(format!("musubi-bench-status-{}", std::process::id())),
        keep: None,
        peers: true,
    };
    let mut arguments = std::env::args().skip(1);
    while let Some(argument) = arguments.next() {
        let mut value = || arguments.next().unwrap_or_else(|| panic!("{argument} needs a value"));
        match argument.as_str() {
            "--entries" => options.entries = value().replace('_', "").parse().unwrap(),
            "--folder" => options.folder = value().into(),
            "--keep" => options.keep = Some(value().into()),
            "--no-peers" => options.peers = false,
            // What cargo bench adds.
            "--bench" => {}
            other => panic!("unknown argument {other}"),
        }
    }
    options
}

fn main() {
    if let Ok(part) = std::env::var(PART) {
        let folder = PathBuf::from(std::env::var("MUSUBI_BENCH_STATUS_FOLDER").unwrap());
        println!("{}", one(&part, &folder));
        return;
    }
    let options = options();
    std::fs::create_dir_all(&options.folder).unwrap();
    let made = made::files(&options.folder, options.entries);
    let mut report = json!({ "machine": made::machine(), "made": made });
    for part in ["intake", "intake_digested", "start", "lookups", "changes", "sets"] {
        report[part] = apart(part, &options.folder);
        eprintln!("{part}: {}", report[part]);
    }
    if options.peers {
        for part in ["openssl", "x509_cert"] {
            report[part] = match part {
                "openssl" => peers::openssl(&options.folder.join(made::LIST)),
                _ => peers::enough_memory(&options.folder.join(made::LIST), 14)
                    .unwrap_or_else(|| apart(part, &options.folder)),
            };
            eprintln!("{part}: {}", report[part]);
        }
    }
    report["processor_seconds_of_all"] = json!(measure::processor_time().as_secs_f64());
    let text = serde_json::to_string_pretty(&report).unwrap();
    println!("{text}");
    if let Some(keep) = &options.keep {
        std::fs::write(keep, text + "\n").unwrap();
    }
    std::fs::remove_dir_all(&options.folder).unwrap();
}

/// Measures in this process.
fn one(part: &str, folder: &Path) -> Value {
    match part {
        "intake" => measure::intake(folder, measure::Hashing::WhileReading),
        "intake_digested" => measure::intake(folder, measure::Hashing::BeforeReading),
        "start" => measure::start(folder),
        "lookups" => measure::lookups(folder, 4_000_000),
        "changes" => measure::changes(folder),
        "sets" => measure::sets(folder),
        "x509_cert" => peers::x509_cert(&folder.join(made::LIST)),
        other => panic!("no part {other}"),
    }
}

/// Measures in a process of its own.
fn apart(part: &str, folder: &Path) -> Value {
    let child = Command::new(std::env::current_exe().unwrap())
        .env(PART, part)
        .env("MUSUBI_BENCH_STATUS_FOLDER", folder)
        .output()
        .unwrap();
    if !child.status.success() {
        return json!({ "failed": String::from_utf8_lossy(&child.stderr) });
    }
    serde_json::from_slice(&child.stdout).unwrap()
}
