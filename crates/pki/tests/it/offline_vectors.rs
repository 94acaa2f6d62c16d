//! The vectors of `docs/spec/offline-filter.md`: what is built is what is committed, byte for byte. `MUSUBI_BLESS=1` writes
//! them anew. `docs/spec/check-offline-filter.py` reads them without this code.

use std::path::PathBuf;

use musubi_crypto::Ed25519Signer;
use musubi_kernel::UnixTime;
use musubi_pki::SerialNumber;
use musubi_pki::offline_filter::*;
use serde_json::json;

fn file(name: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../docs/spec/vectors/offline-filter").join(name)
}

#[track_caller]
fn is_committed(name: &str, bytes: &[u8]) {
    if std::env::var_os("MUSUBI_BLESS").is_some() {
        std::fs::create_dir_all(file("")).unwrap();
        std::fs::write(file(name), bytes).unwrap();
    }
    let committed = std::fs::read(file(name)).unwrap_or_default();
    assert!(committed == bytes, "{name} is not what is built now");
}

/// Thick enough for coded blocks in one chunk, gaps in another, one far beyond, one of 20 bytes.
fn listed(list: u64) -> Vec<SerialNumber> {
    let thick = (0x1_0000_u32..0x1_1000).filter(|s| s.wrapping_mul(2_654_435_761) < 0x9000_0000);
    let gone = if list == 8 { 0x1_0010 } else { 0 };
    let thin = (0x2_0000_u32..0x3_0000).filter(|s| s % 601 == 7);
    let come = (0x2_8000_u32..0x3_0000).filter(|s| list == 8 && s % 4801 == 8);
    let mut all: Vec<u32> = thick.chain(thin).chain(come).filter(|s| *s >= gone).collect();
    all.push(0x9_00A0);
    all.sort_unstable();
    let mut out: Vec<SerialNumber> = all.into_iter().map(SerialNumber::from).collect();
    out.push("FFFFFFFF01".parse().unwrap());
    out.push("7F0102030405060708090A0B0C0D0E0F10111213".parse().unwrap());
    out
}

fn filter(list: u64, key: &Ed25519Signer) -> OfflineFilter {
    let range = |first: u32, last: u32| (SerialNumber::from(first), SerialNumber::from(last));
    let coverage =
        Coverage::of([range(0x1_0000, 0x2_FFFF), range(0x9_0000, 0x9_00FF + u32::from(list == 8))]);
    let head = FilterHead {
        issuer: [0x11; 32],
        list_sha256: [0x22; 32],
        list_number: list,
        this_update: UnixTime(1_795_226_584),
        next_update: UnixTime(1_795_312_984),
    };
    OfflineFilter::build(&head, &coverage, listed(list), key).unwrap()
}

fn told(filter: &OfflineFilter) -> serde_json::Value {
    let asked = [
        "01",
        "010000",
        "010001",
        "010005",
        "0107FF",
        "010800",
        "010FFF",
        "011000",
        "01FFFF",
        "020000",
        "020207",
        "0201F0",
        "028000",
        "02FFFF",
        "030000",
        "0900A0",
        "0900FF",
        "090100",
        "FFFFFFFF01",
        "FFFFFFFF02",
        "7F0102030405060708090A0B0C0D0E0F10111213",
    ];
    let name = |answer| match answer {
        FilterAnswer::Listed => "listed",
        FilterAnswer::NotListed => "not_listed",
        FilterAnswer::NotCovered => "not_covered",
    };
    let answers: serde_json::Map<_, _> = asked
        .into_iter()
        .map(|serial| (serial.to_owned(), name(filter.answer(&serial.parse().unwrap())).into()))
        .collect();
    let list = filter.head().list_number;
    json!({
        "file": format!("{list}.filter"), "sha256": hex::encode(filter.sha256()), "list_number": list,
        "listed": filter.listed(), "answers": answers,
    })
}

#[test]
fn the_committed_vectors_are_what_is_built() {
    let key = Ed25519Signer::from_seed(&[7; 32]).unwrap();
    let (first, second) = (filter(7, &key), filter(8, &key));
    let delta = FilterDelta::between(&first, &second, &key).unwrap();
    is_committed("7.filter", first.as_bytes());
    is_committed("8.filter", second.as_bytes());
    is_committed("7-8.delta", delta.as_bytes());
    let (removed, added) = delta.changes();
    let vectors = json!({
        "platform_key": hex::encode(key.public_key()),
        "filters": [told(&first), told(&second)],
        "delta": {
            "file": "7-8.delta", "sha256": hex::encode(delta.sha256()), "removed": removed, "added": added,
        },
    });
    is_committed("vectors.json", format!("{}\n", serde_json::to_string_pretty(&vectors).unwrap()).as_bytes());
    let read = |name| std::fs::read(file(name)).unwrap();
    let keys = [key.public_key()];
    let held = OfflineFilter::open(read("7.filter"), &keys).unwrap();
    let delta = FilterDelta::open(read("7-8.delta"), &keys).unwrap();
    assert_eq!(delta.apply(&held, &keys).unwrap().as_bytes(), read("8.filter"));
    assert!(held.serials().eq(listed(7)));
}
