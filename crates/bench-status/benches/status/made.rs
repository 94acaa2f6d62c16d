//! The list, the delta and the root, written as files. DER by hand, since a list of this size is written in one pass.

use std::io::Write;
use std::path::Path;

use musubi_pki::{AuthorityKind, TrustAnchors};
use serde_json::{Value, json};

use super::measure::Clock;
use super::support::authority::{Authority, oid_table, rsa_sha256};
use super::support::der::{bits, ctx, extension, integer, seq, utc_time};
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

/// Writes entries of the usual form, without a thought for each of 25 million.
struct Entries {
    random: Seeded,
    /// `YYMMDD` of each of the last five years' days.
    days: Vec<[u8; 6]>,
    out: Vec<u8>,
}

impl Entries {
    fn new(seed: u64) -> Self {
        let day = |n: i64| {
            let (year, month, day, ..) = NOW.plus(-n * DAY).to_utc();
            format!("{:02}{month:02}{day:02}", year % 100).as_bytes().try_into().unwrap()
        };
        Self { random: Seeded(seed), days: (1..=5 * 365).map(day).collect(), out: Vec::new() }
    }

    fn push(&mut self, serial: u64, reason: u8) {
        const REASON: [u8; 13] =
            [0x30, 0x0C, 0x30, 0x0A, 0x06, 0x03, 0x55, 0x1D, 0x15, 0x04, 0x03, 0x0A, 0x01];
        // One zero before it, so that it is never negative.
        let bytes = (u128::from(serial) << 56).to_be_bytes();
        let zero_bits = usize::try_from(serial.leading_zeros()).unwrap();
        let number = &bytes[zero_bits / 8 + usize::from(zero_bits % 8 != 0)..9];
        let length = u8::try_from(number.len()).unwrap();
        self.out.extend([0x30, length + 31, 0x02, length]);
        self.out.extend(number);
        let day = usize::try_from(self.random.below(self.days.len() as u64)).unwrap();
        let second = self.random.below(86_400);
        self.out.extend([0x17, 0x0D]);
        self.out.extend(self.days[day]);
        for two in [second / 3600, second / 60 % 60, second % 60] {
            let two = u8::try_from(two).unwrap();
            self.out.extend([b'0' + two / 10, b'0' + two % 10]);
        }
        self.out.push(b'Z');
        self.out.extend(REASON);
        self.out.push(reason);
    }
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
    let mut listed = Entries::new(7);
    listed.out.reserve_exact(usize::try_from(entries).unwrap() * 37);
    for serial in chosen(entries, population, 1) {
        let reason = u8::try_from(listed.random.below(7)).unwrap();
        listed.push(serial, reason);
    }
    let length = write(&folder.join(LIST), &list(&authority, 1, None, listed.out));
    let (mut added, changed) = (Entries::new(8), 50_000.min(entries / 10).max(1));
    for serial in chosen(changed, population, 2) {
        // One in a hundred is taken off the list.
        let reason = if added.random.below(100) == 0 { 8 } else { 4 };
        added.push(serial, reason);
    }
    let delta = write(&folder.join(DELTA), &list(&authority, 2, Some(1), added.out));
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
