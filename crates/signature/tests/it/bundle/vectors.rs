//! The committed bundles of docs/spec/vectors: whoever writes a replayer has them to test it with.

use std::path::PathBuf;

use musubi_pki::*;
use musubi_signature::bundle::*;

use super::made::{attributes_rule, content, platform, sealed, upstream_rule};
use super::support::authority::Authority;
use super::support::lists::{List, entry};
use super::support::{Case, DAY, NOW};

fn folder() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../docs/spec/vectors")
}

fn read(name: &str) -> Vec<u8> {
    std::fs::read(folder().join(name)).unwrap_or_else(|error| panic!("{name}: {error}"))
}

fn roots() -> (TrustAnchors, [u8; 32]) {
    use AuthorityKind::{DigitalSignature, UserAuthentication};
    let roots = [
        (DigitalSignature, read("roots/digital-signature.der")),
        (UserAuthentication, read("roots/user-authentication.der")),
    ];
    let key = hex(&read("roots/platform-key.hex"));
    (TrustAnchors::insecure_test_hierarchy(roots).unwrap(), key.try_into().unwrap())
}

fn hex(text: &[u8]) -> Vec<u8> {
    let digit = |byte: &u8| u8::try_from(char::from(*byte).to_digit(16).unwrap()).unwrap();
    let (pairs, _) = text.as_chunks::<2>();
    pairs.iter().map(|[high, low]| digit(high) * 16 + digit(low)).collect()
}

#[test]
fn the_committed_bundles_replay_to_the_committed_verdicts() {
    let (anchors, key) = roots();
    for (name, indication) in
        [("passed", "TOTAL-PASSED"), ("revoked", "INDETERMINATE"), ("refused-by-rule", "INDETERMINATE")]
    {
        let bundle = read(&format!("{name}.bundle"));
        let replayed = replay(&bundle, &Roots { anchors: &anchors, platform_keys: &[key] })
            .unwrap_or_else(|difference| panic!("{name}: {difference}"));
        assert_eq!(replayed.verdict.indication().as_str(), indication);
        let verdict = String::from_utf8(read(&format!("{name}.verdict.json"))).unwrap();
        assert_eq!(canonical_verdict(&replayed.verdict), verdict, "{name}");
        assert_eq!(replayed.check_list(&read(&format!("{name}.crl")), &anchors), Ok(0), "{name}");
    }
}

/// With trees as they are made now, under roots of their own: the keys of the others are gone.
#[test]
fn the_committed_bundles_with_leaves_of_16_entries_replay_to_the_committed_verdicts() {
    let read = |name: &str| read(&format!("leaves-of-16/{name}"));
    let root = (AuthorityKind::DigitalSignature, read("roots/digital-signature.der"));
    let anchors = TrustAnchors::insecure_test_hierarchy([root]).unwrap();
    let key = hex(&read("roots/platform-key.hex")).try_into().unwrap();
    for (name, indication) in NOW_MADE {
        let replayed =
            replay(&read(&format!("{name}.bundle")), &Roots { anchors: &anchors, platform_keys: &[key] })
                .unwrap_or_else(|difference| panic!("{name}: {difference}"));
        assert_eq!(replayed.verdict.indication().as_str(), indication);
        let verdict = String::from_utf8(read(&format!("{name}.verdict.json"))).unwrap();
        assert_eq!(canonical_verdict(&replayed.verdict), verdict, "{name}");
        let list = &replayed.content.evidence.lists[0];
        assert_eq!((list.commitment.entries_per_leaf, list.proof.first % 16), (16, 0), "{name}");
        assert_eq!(replayed.check_list(&read(&format!("{name}.crl")), &anchors), Ok(0), "{name}");
    }
}

/// Absent between two entries, absent between two leaves, listed.
const NOW_MADE: [(&str, &str); 3] =
    [("passed", "TOTAL-PASSED"), ("passed-between-leaves", "TOTAL-PASSED"), ("revoked", "INDETERMINATE")];

/// Once: keys are made anew each time.
#[test]
#[ignore = "writes docs/spec/vectors/leaves-of-16 anew, with other keys"]
fn the_vectors_with_leaves_of_16_entries_are_written() {
    let folder = folder().join("leaves-of-16");
    std::fs::create_dir_all(folder.join("roots")).unwrap();
    let write = |name: &str, bytes: &[u8]| std::fs::write(folder.join(name), bytes).unwrap();
    write("roots/digital-signature.der", &Authority::signature_second().certificate());
    write("roots/platform-key.hex", musubi_kernel::hex_lower(&platform().public_key()).as_bytes());
    let list = |first: u32| {
        let entries = (0..300_u32).map(|n| {
            let why = RevocationReason::JPKI[n as usize % 7];
            entry(SerialNumber::from(first + 7_000 * n).as_be_bytes(), NOW.plus(-i64::from(n) * DAY), why)
        });
        entries.fold(List::of(&Authority::signature_second()), List::entry)
    };
    let serial = super::support::authority::serial();
    // The certificate's is 2 025 991: behind 289 entries of the first list, and behind 288 of the second.
    let revoked = entry(serial.as_be_bytes(), NOW.plus(-DAY), RevocationReason::Superseded);
    for ((name, _), list) in NOW_MADE.into_iter().zip([list(1), list(10_001), list(1).entry(revoked)]) {
        let mut case = Case::signature();
        case.lists = vec![list.verified()];
        case.policy = Policy { not_signed_before: Some(NOW.plus(-2 * DAY)), ..Policy::default() };
        let bundle = sealed(&content(&case, vec![attributes_rule(true), upstream_rule(true)]));
        let (anchors, key) = (super::support::anchors(), platform().public_key());
        let replayed = replay(&bundle, &Roots { anchors: &anchors, platform_keys: &[key] }).unwrap();
        write(&format!("{name}.bundle"), &bundle);
        write(&format!("{name}.verdict.json"), canonical_verdict(&replayed.verdict).as_bytes());
        write(&format!("{name}.crl"), &list.der());
    }
}

/// Beside the others, under roots of its own: the keys of the others are gone.
#[test]
fn the_committed_bundle_of_presence_replays_to_the_committed_verdict() {
    let read = |name: &str| read(&format!("presence/{name}"));
    let root = (AuthorityKind::UserAuthentication, read("roots/user-authentication.der"));
    let anchors = TrustAnchors::insecure_test_hierarchy([root]).unwrap();
    let key = hex(&read("roots/platform-key.hex")).try_into().unwrap();
    let roots = Roots { anchors: &anchors, platform_keys: &[key] };
    let replayed = replay(&read("present.bundle"), &roots).unwrap();
    let verdict = String::from_utf8(read("present.verdict.json")).unwrap();
    assert_eq!(canonical_verdict(&replayed.verdict), verdict);
    assert!(replayed.verdict.is_passed() && verdict.contains("presence.signature_value"));
    assert_eq!(replayed.check_list(&read("present.crl"), &anchors), Ok(0));
}

/// Once: keys are made anew each time.
#[test]
#[ignore = "writes docs/spec/vectors/presence anew, with other keys"]
fn the_vector_of_presence_is_written() {
    let folder = folder().join("presence");
    let write = |name: &str, bytes: &[u8]| std::fs::write(folder.join(name), bytes).unwrap();
    std::fs::create_dir_all(folder.join("roots")).unwrap();
    write("roots/user-authentication.der", &Authority::authentication().certificate());
    write("roots/platform-key.hex", musubi_kernel::hex_lower(&platform().public_key()).as_bytes());
    let entries = (0..300_u32).map(|n| {
        let why = RevocationReason::JPKI[n as usize % 7];
        entry(SerialNumber::from(1 + 7_000 * n).as_be_bytes(), NOW.plus(-i64::from(n) * DAY), why)
    });
    let list = entries.fold(List::of(&Authority::authentication()), List::entry);
    let mut case = Case::authentication();
    case.lists = vec![list.verified()];
    let (content, verdict) = super::presence::presence(&case, Some(&super::presence::card()));
    write("present.bundle", &sealed(&content));
    write("present.verdict.json", canonical_verdict(&verdict).as_bytes());
    write("present.crl", &list.der());
}
