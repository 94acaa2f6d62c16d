//! Paths and revocation data.

use std::sync::LazyLock;

use musubi_pki::path::{PathAnchors, PathEvidence, PathRules, Purpose, Times, judge_path};
use musubi_pki::{
    ListCommitment, MAX_LIST_BYTES, RevocationMode, RevocationReason, SerialNumber, TrustAnchors,
    ValidationPolicy, VerifiedDeltaList, VerifiedRevocationList, oid,
};

use super::support::authority::Authority;
use super::support::lists::{List, entry};
use super::support::{NOW, anchors};
use super::{document, signed};

/// A list of the JPKI, of which the input is the whole or the entries; a list of any authority.
pub(super) fn list(input: &[u8]) {
    let mut given = List::of(authority());
    given.entries.push(input.to_vec());
    let of_the_jpki = given.der();
    for der in [input, &of_the_jpki] {
        let Ok(list) = VerifiedRevocationList::parse_and_verify(der, jpki(), MAX_LIST_BYTES) else {
            continue;
        };
        assert!(list.len() <= der.len(), "more entries than octets");
        let serial = list.iter().next().map_or_else(|| SerialNumber::from(1), |entry| entry.serial);
        let (Some(commitment), Some(proof)) = (ListCommitment::of(&list), list.prove(&serial)) else {
            continue;
        };
        let proven = VerifiedRevocationList::proven(&commitment, &serial, &proof, jpki());
        let proven = proven.expect("a proof of a list's own");
        assert_eq!(proven.status_of(&serial), list.status_of(&serial));
    }
    delta(input);
    let sealed = signed::sealed(input);
    judge(signed::leaf(), &[], &[input, &sealed], &[]);
}

/// The input as the entries of a delta, applied to a list.
fn delta(input: &[u8]) {
    let base = List::of(authority()).numbered(1).entry(entry(&[9], NOW, RevocationReason::CertificateHold));
    let mut given = List::of(authority()).numbered(2).with(oid::DELTA_CRL_INDICATOR, true, vec![2, 1, 1]);
    given.entries.push(input.to_vec());
    let der = given.der();
    assert!(
        VerifiedRevocationList::parse_and_verify(&der, jpki(), MAX_LIST_BYTES).is_err(),
        "a delta as a list"
    );
    let Ok(delta) = VerifiedDeltaList::parse_and_verify(&der, jpki(), MAX_LIST_BYTES) else { return };
    let base = base.read().expect("a list");
    let list = base.apply_delta(&delta).expect("a delta that goes on from it");
    assert!(list.len() <= delta.len() + 1 && list.changes_since(&base).count() <= delta.len());
}

/// Objects of any kind: each is one octet that says what it is given as, two octets of length, and itself.
pub(super) fn path(input: &[u8]) {
    let mut leaf = Vec::new();
    let [mut certificates, mut crls, mut ocsp] = [const { Vec::<Vec<u8>>::new() }; 3];
    let mut rest = input;
    while let [kind, high, low, more @ ..] = rest {
        let length = usize::from(u16::from_be_bytes([*high, *low])).min(more.len());
        let (object, behind) = more.split_at(length);
        rest = behind;
        let object = if kind & 4 == 0 { object.to_vec() } else { signed::sealed(object) };
        match kind & 3 {
            0 => leaf = object,
            1 => certificates.push(object),
            2 => crls.push(object),
            _ => ocsp.push(object),
        }
    }
    let slices = |all: &'_ [Vec<u8>]| all.to_vec();
    let (certificates, crls, ocsp) = (slices(&certificates), slices(&crls), slices(&ocsp));
    let leaf = if leaf.is_empty() { signed::leaf() } else { &leaf };
    judge(leaf, &views(&certificates), &views(&crls), &views(&ocsp));
}

fn views(all: &[Vec<u8>]) -> Vec<&[u8]> {
    all.iter().map(Vec::as_slice).collect()
}

/// Judges, and holds the judgement to its budget.
pub(super) fn judge(leaf: &[u8], intermediates: &[&[u8]], crls: &[&[u8]], ocsp: &[&[u8]]) {
    static ANCHORS: LazyLock<PathAnchors> = LazyLock::new(|| {
        let roots = [signed::root().to_vec(), document::fixture("pki/root.der")];
        PathAnchors::from_certificates(roots).expect("two roots")
    });
    for revocation in [RevocationMode::Required, RevocationMode::IfPresent] {
        let policy = ValidationPolicy { revocation, ..ValidationPolicy::default() };
        let rules = PathRules { policy: &policy, purpose: &Purpose::default(), times: Times::at(NOW) };
        let evidence = PathEvidence { leaf, intermediates, crls, ocsp };
        let judgement = judge_path(&evidence, &ANCHORS, &rules);
        let (work, budget) = (judgement.work, policy.budget);
        assert!(work.signature_checks <= budget.max_signature_checks);
        assert!(work.candidates <= budget.max_candidates);
        assert!(work.policy_and_name_steps <= budget.max_policy_and_name_steps);
        if judgement.verdict.is_passed() {
            let last = judgement.chain.last().expect("a path has a certificate");
            assert!(ANCHORS.anchors().iter().any(|anchor| anchor.der() == last), "passed without an anchor");
        }
    }
}

pub(super) fn authority() -> &'static Authority {
    static AUTHORITY: LazyLock<Authority> = LazyLock::new(Authority::signature_second);
    &AUTHORITY
}

/// Roots of a test hierarchy of the JPKI.
pub(super) fn jpki() -> &'static TrustAnchors {
    static ANCHORS: LazyLock<TrustAnchors> = LazyLock::new(anchors);
    &ANCHORS
}
