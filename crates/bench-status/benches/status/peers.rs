//! The same file read by others. They build a structure for each entry: some hundred bytes.

use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Duration;

use serde_json::{Value, json};
use x509_cert::crl::CertificateList;
use x509_cert::der::Decode;

use super::measure::{Clock, memory, memory_of, rounded};

/// `openssl crl -inform DER -noout`: reads all, verifies nothing.
pub(crate) fn openssl(list: &Path) -> Value {
    if let Some(left_out) = enough_memory(list, 16) {
        return left_out;
    }
    let clock = Clock::start();
    let child = Command::new("openssl")
        .args(["crl", "-inform", "DER", "-noout", "-in"])
        .arg(list)
        .stdout(Stdio::null())
        .spawn();
    let Ok(mut child) = child else { return json!({ "left_out": "no openssl" }) };
    let process = child.id().to_string();
    let (mut peak, mut processor) = (0, 0.0);
    let ended = loop {
        peak = peak.max(memory_of(&process, "VmHWM"));
        processor = processor_seconds(&process).unwrap_or(processor);
        if let Some(ended) = child.try_wait().unwrap() {
            break ended;
        }
        std::thread::sleep(Duration::from_millis(10));
    };
    let version = Command::new("openssl").arg("version").output().map(|v| v.stdout).unwrap_or_default();
    json!({
        "version": String::from_utf8_lossy(&version).trim(), "succeeded": ended.success(), "peak_bytes": peak,
        "took": { "seconds": rounded(clock.seconds()), "processor_seconds": processor },
    })
}

/// The crate `x509-cert`: decodes all of it, verifies nothing.
pub(crate) fn x509_cert(list: &Path) -> Value {
    let clock = Clock::start();
    let bytes = std::fs::read(list).unwrap();
    let read = clock.seconds();
    let decoded = <CertificateList>::from_der(&bytes);
    let entries =
        decoded.as_ref().map(|list| list.tbs_cert_list.revoked_certificates.as_ref().map_or(0, Vec::len));
    json!({
        "entries": entries.map_err(ToString::to_string).ok(), "file_read_seconds": rounded(read), "took": clock.told(),
        "peak_bytes": memory("VmHWM"),
    })
}

/// `Some` if the machine has less free memory than this many times the file.
pub(crate) fn enough_memory(list: &Path, times: u64) -> Option<Value> {
    let needed = std::fs::metadata(list).unwrap().len() * times;
    let memory = std::fs::read_to_string("/proc/meminfo").unwrap_or_default();
    let free = memory.lines().find_map(|line| line.strip_prefix("MemAvailable:"));
    let free =
        free.and_then(|kb| kb.trim().trim_end_matches(" kB").parse::<u64>().ok()).unwrap_or_default() * 1024;
    (free < needed)
        .then(|| json!({ "left_out": "not enough memory", "needed_bytes": needed, "free_bytes": free }))
}

/// User and system time, in ticks of a hundredth of a second.
fn processor_seconds(process: &str) -> Option<f64> {
    let line = std::fs::read_to_string(format!("/proc/{process}/stat")).ok()?;
    let fields: Vec<&str> = line.rsplit(')').next()?.split_whitespace().collect();
    let ticks = |at: usize| fields.get(at)?.parse::<f64>().ok();
    Some((ticks(11)? + ticks(12)?) / 100.0)
}
