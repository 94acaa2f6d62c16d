//! Time, allocations and peak memory of the verdict on documents of 100 MB. Each is judged in a fresh process, so that its
//! peak (`VmHWM`, Linux) is its own; `over the file` is what was resident beyond the file itself and what the process had
//! before. Allocations are counted by the allocator: those of at least 1 MB are copies of the document, or parts of it.
//!
//! `target/bench-documents/large.json` keeps the figures.

#![allow(
    missing_docs,
    clippy::unwrap_used,
    clippy::print_stdout,
    clippy::print_stderr,
    clippy::indexing_slicing,
    clippy::disallowed_methods,
    reason = "a benchmark measures time"
)]

mod cpu_time;
mod evidence;

use std::alloc::System;
use std::process::Command;

use cpu_time::now;
use evidence::{Hierarchy, folder};
use musubi_signature::judge_document;
use stats_alloc::{INSTRUMENTED_SYSTEM, Region, StatsAlloc};

#[global_allocator]
static ALLOCATOR: &StatsAlloc<System> = &INSTRUMENTED_SYSTEM;

/// Name, file, signed content if it is another file.
const CASES: [(&str, &str, Option<&str>); 4] = [
    ("cms_attached", "large-attached.p7", None),
    ("cms_detached", "large-detached.p7", Some("large.bin")),
    ("pdf", "large.pdf", None),
    ("xml", "large.xml", None),
];

const CASE: &str = "MUSUBI_BENCH_LARGE_CASE";

/// Peak resident memory of this process in bytes.
fn peak() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    let kilobytes = line.and_then(|line| line.trim().trim_end_matches(" kB").parse::<u64>().ok());
    kilobytes.unwrap_or_default() * 1024
}

fn one(name: &str) {
    let (_, file, detached) = CASES.into_iter().find(|case| case.0 == name).unwrap();
    let hierarchy = Hierarchy::load();
    let file = std::fs::read(folder().join(file)).unwrap();
    let detached = detached.map(|name| std::fs::read(folder().join(name)).unwrap());
    let before = peak();
    let region = Region::new(ALLOCATOR);
    let begun = now();
    let judged = hierarchy.with(|context| judge_document(&file, detached.as_deref(), context));
    let milliseconds = (now() - begun).as_secs_f64() * 1e3;
    let change = region.change();
    let outcome = match &judged {
        Ok(judgement) => judgement.indication().as_str().to_owned(),
        Err(error) => error.to_string(),
    };
    let figures = serde_json::json!({
        "outcome": outcome,
        "bytes": file.len() + detached.map_or(0, |content| content.len()),
        "milliseconds": milliseconds,
        "allocations": change.allocations + change.reallocations,
        "bytes_allocated": change.bytes_allocated,
        "peak_over_the_file": peak().saturating_sub(before),
    });
    println!("{figures}");
}

fn main() {
    if let Ok(name) = std::env::var(CASE) {
        return one(&name);
    }
    if !folder().join("large.bin").exists() {
        eprintln!("no large documents; scripts/bench-documents makes them");
        return;
    }
    println!(
        "{:<14}{:>12}{:>10}{:>13}{:>18}{:>20}",
        "", "bytes", "ms", "allocations", "bytes allocated", "peak over the file"
    );
    let mut kept = serde_json::Map::new();
    for (name, ..) in CASES {
        let output = Command::new(std::env::current_exe().unwrap()).env(CASE, name).output().unwrap();
        let figures: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
        println!(
            "{name:<14}{:>12}{:>10.1}{:>13}{:>18}{:>20}   {}",
            figures["bytes"].as_u64().unwrap_or_default(),
            figures["milliseconds"].as_f64().unwrap_or_default(),
            figures["allocations"].as_u64().unwrap_or_default(),
            figures["bytes_allocated"].as_u64().unwrap_or_default(),
            figures["peak_over_the_file"].as_u64().unwrap_or_default(),
            figures["outcome"].as_str().unwrap_or_default()
        );
        kept.insert(name.to_owned(), figures);
    }
    evidence::keep("large.json", &serde_json::Value::Object(kept));
}
