//! The bytes: one encoding, bounded, nothing unknown.

use minicbor::Encoder;
use musubi_signature::bundle::*;

use super::made::{audit, bundle, cases, content, platform, record, replayed};
use super::support::Case;

fn refused_content(encoded: &[u8]) -> Difference {
    replayed(&seal(encoded, &audit(record(encoded, "TOTAL-PASSED"), 2), &platform())).unwrap_err()
}

#[test]
fn a_sequence_of_bundles_comes_apart() {
    let bundles: Vec<_> = cases().iter().take(3).map(|(_, case)| bundle(case)).collect();
    let sequence = bundles.concat();
    let mut rest = sequence.as_slice();
    for bundle in &bundles {
        let (first, after) = split_first(rest).unwrap();
        assert_eq!(first, bundle);
        rest = after;
    }
    assert!(rest.is_empty() && split_first(rest).is_err());
}

#[test]
fn other_bytes_are_no_bundle() {
    let large = vec![0x86; MAX_BUNDLE_BYTES + 1];
    for bytes in [&b""[..], b"\x86", b"{}", b"\xff\xff", &[0x9B; 12], &large] {
        assert!(replayed(bytes).is_err_and(|difference| difference.is_unreadable()));
    }
}

#[test]
fn a_longer_encoding_of_the_same_is_refused() {
    let bundle = bundle(&Case::signature());
    // The array's length in two bytes instead of one.
    let longer = [&[0x98, 6], &bundle[1..]].concat();
    assert_eq!(replayed(&longer).unwrap_err(), Difference::NotABundle("not in its deterministic encoding"));
    let encoded = content(&Case::signature(), Vec::new()).encode();
    assert_eq!(encoded[0], 0xA7);
    let longer = [&[0xB8, 7], &encoded[1..]].concat();
    let expected = Difference::NotABundle("content: not in its deterministic encoding");
    assert_eq!(refused_content(&longer), expected);
    // An array without a length.
    let endless = [&[0x9F], &bundle[1..], &[0xFF]].concat();
    assert!(replayed(&endless).unwrap_err().is_unreadable());
}

#[test]
fn an_unknown_key_is_refused() {
    let encoded = content(&Case::signature(), Vec::new()).encode();
    let more = [&[0xA8], &encoded[1..], &[9, 0]].concat();
    assert_eq!(refused_content(&more), Difference::NotABundle("content"));
}

#[test]
fn another_engine_or_kind_is_told_apart_from_a_forgery() {
    let mut writer = Encoder::new(Vec::new());
    writer.map(8).unwrap().u8(1).unwrap().str("9.9.9").unwrap().u8(2).unwrap().u64(77).unwrap();
    let difference = refused_content(&writer.into_writer());
    assert_eq!(difference, Difference::UnknownEngine { engine: "9.9.9".to_owned(), judgement_version: 77 });
    assert!(difference.is_unreadable());
    let mut writer = Encoder::new(Vec::new());
    writer.map(8).unwrap().u8(1).unwrap().str("0").unwrap().u8(2).unwrap().u64(JUDGEMENT_VERSION).unwrap();
    writer.u8(3).unwrap().str("telepathy").unwrap();
    assert_eq!(refused_content(&writer.into_writer()), Difference::UnknownKind("telepathy".to_owned()));
}

#[test]
fn times_beyond_the_calendar_and_reasons_that_are_none_are_refused() {
    let mut content = content(&Case::signature(), Vec::new());
    content.judged_at = musubi_kernel::UnixTime(i64::MAX);
    assert_eq!(refused_content(&content.encode()), Difference::NotABundle("judged_at"));
}
