//! The list, the delta and the root, written as files. DER by hand, since a list of this size is written in one pass.

use std::io::Write;
use std::path::Path;

use musubi_pki::{AuthorityKind, TrustAnchors};
use serde_json::{Value, json};

use super::measure::Clock;
use super::support::authority::{Authority, oid_table, rsa_sha256};
use super::support::der::{bits, ctx, extension, integer, seq, tlv, utc_time};
use super::support::{DAY, HOUR, NOW, sign};

pub(crate) const LIST: &str = "list.crl";
pub(crate) const DELTA: &str = "delta.crl";
pub(crate) const ROOT: &str = "root.der";
pub(crate) const SEALED: &str = "list.sealed";
pub(crate) const DIGEST: &str = "list.sealed.sha256";

/// SplitMix64 (Steele, Lea, Flood 2014): seeded, and the same everywhere.
pub(crate) struct Seeded(pub(crate) u64);

impl Seeded {
    pub(crate) fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        z ^ (z >> 31)
    }

    pub(crate) fn below(&mut self, end: u64) -> u64 {
        u64::try_from((u128::from(self.next()) * u128::from(end)) >> 64).unwrap()
    }
}

/// `count` of the numbers from 1 to `population` in order, each with the same chance (Knuth, algorithm S).
pub(crate) fn chosen(count: u64, population: u64, seed: u64) -> impl Iterator<Item = u64> {
    let mut random = Seeded(seed);
    let mut left = count;
    (1..=population).filter(move |serial| {
        let take = random.below(population - serial + 1) < left;
        left -= u64::from(take);
        take
    })
}

/// Serial numbers that were given out where this many are on the list: 110 million for 25 million.
pub(crate) fn population(entries: u64) -> u64 {
    entries * 22 / 5
}

fn entry(out: &mut Vec<u8>, serial: u64, random: &mut Seeded, reason: u8) {
    let bytes = serial.to_be_bytes();
    let significant = &bytes[(serial.leading_zeros() as usize / 8).min(7)..];
    let at = NOW.plus(-i64::try_from(random.below(5 * 365 * 86_400)).unwrap());
    let reason = extension(oid_table::REASON_CODE, false, &tlv(0x0A, &[reason]));
    out.extend(seq(&[&integer(significant), &utc_time(at), &seq(&[&reason])]));
}

fn header(tag: u8, length: usize) -> Vec<u8> {
    let bytes = u32::try_from(length).unwrap().to_be_bytes();
    let significant = &bytes[bytes.iter().take_while(|byte| **byte == 0).count().min(3)..];
    match length {
        0..=0x7F => vec![tag, significant[0]],
        _ => [&[tag, 0x80 | u8::try_from(significant.len()).unwrap()], significant].concat(),
    }
}

/// A list of this authority over entries that stand in `entries`.
fn list(authority: &Authority, number: u8, base: Option<u8>, entries: Vec<u8>) -> (Vec<u8>, Vec<u8>) {
    let mut extensions = vec![
        extension(oid_table::AUTHORITY_KEY_IDENTIFIER, false, &authority.key_identifier()),
        extension(oid_table::CRL_NUMBER, false, &integer(&[number])),
    ];
    if let Some(base) = base {
        extensions.push(extension(oid_table::DELTA_CRL_INDICATOR, true, &integer(&[base])));
    }
    let extensions = ctx(0, &seq(&[&extensions.concat()]));
    let before = [
        &integer(&[1])[..],
        &rsa_sha256(),
        &authority.name,
        &utc_time(NOW.plus(-HOUR)),
        &utc_time(NOW.plus(DAY)),
    ]
    .concat();
    let of_entries = header(0x30, entries.len());
    let length = before.len() + of_entries.len() + entries.len() + extensions.len();
    let mut tbs = header(0x30, length);
    tbs.reserve_exact(length);
    tbs.extend(before);
    tbs.extend(of_entries);
    tbs.extend(entries);
    tbs.extend(extensions);
    let signature = sign(authority.key, &tbs);
    (tbs, signature)
}

fn write(path: &Path, (tbs, signature): &(Vec<u8>, Vec<u8>)) -> u64 {
    let behind = [rsa_sha256(), bits(signature)].concat();
    let length = tbs.len() + behind.len();
    let mut file = std::io::BufWriter::new(std::fs::File::create(path).unwrap());
    file.write_all(&header(0x30, length)).unwrap();
    file.write_all(tbs).unwrap();
    file.write_all(&behind).unwrap();
    file.flush().unwrap();
    std::fs::metadata(path).unwrap().len()
}

/// Writes the list, a delta of at most 50,000 entries, and the root.
pub(crate) fn files(folder: &Path, entries: u64) -> Value {
    let clock = Clock::start();
    let authority = Authority::signature_second();
    std::fs::write(folder.join(ROOT), authority.certificate()).unwrap();
    let population = population(entries);
    let (mut random, mut bytes) = (Seeded(7), Vec::with_capacity(usize::try_from(entries).unwrap() * 37));
    for serial in chosen(entries, population, 1) {
        let reason = u8::try_from(random.below(7)).unwrap();
        entry(&mut bytes, serial, &mut random, reason);
    }
    let length = write(&folder.join(LIST), &list(&authority, 1, None, bytes));
    let (mut added, changed) = (Vec::new(), 50_000.min(entries / 10).max(1));
    for serial in chosen(changed, population, 2) {
        // One in a hundred is taken off the list.
        let reason = if random.below(100) == 0 { 8 } else { 4 };
        entry(&mut added, serial, &mut random, reason);
    }
    let delta = write(&folder.join(DELTA), &list(&authority, 2, Some(1), added));
    serde_json::json!({
        "entries": entries, "serial_numbers_up_to": population, "bytes": length,
        "delta_entries": changed, "delta_bytes": delta, "took": clock.told(),
    })
}

pub(crate) fn anchors(folder: &Path) -> TrustAnchors {
    let root = std::fs::read(folder.join(ROOT)).unwrap();
    TrustAnchors::insecure_test_hierarchy([(AuthorityKind::DigitalSignature, root)]).unwrap()
}

/// What a machine is: figures of two are not compared.
pub(crate) fn machine() -> Value {
    let cpu = std::fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let model = cpu.lines().find_map(|line| line.strip_prefix("model name")).unwrap_or_default();
    let cores = std::thread::available_parallelism().map_or(0, usize::from);
    let load = std::fs::read_to_string("/proc/loadavg").unwrap_or_default();
    json!({ "processor": model.trim_start_matches([' ', '\t', ':']), "cores": cores, "load": load.trim() })
}
