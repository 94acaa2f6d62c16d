//! Bundles as a platform makes them.

use std::sync::OnceLock;

use musubi_crypto::merkle::{Levels, leaf_hash, range_proof};
use musubi_crypto::{Ed25519Signer, sha256};
use musubi_kernel::{Random, SeededRandom};
use musubi_pki::*;
use musubi_signature::Rule;
use musubi_signature::bundle::*;
use serde_json::json;

use super::support::authority::{Authority, HOLDER_ADDRESS, Leaf};
use super::support::der::tlv;
use super::support::lists::{List, entry};
use super::support::responses::{Answer, Says};
use super::support::{Case, DAY, HOUR, Key, NOW, anchors, sign};

pub(super) fn platform() -> Ed25519Signer {
    Ed25519Signer::from_seed(&[7; 32]).unwrap()
}

/// The roots, made once.
pub(super) fn roots() -> &'static TrustAnchors {
    static ROOTS: OnceLock<TrustAnchors> = OnceLock::new();
    ROOTS.get_or_init(anchors)
}

pub(super) fn replayed(bundle: &[u8]) -> Result<Replayed, Difference> {
    replay(bundle, &Roots { anchors: roots(), platform_keys: &[platform().public_key()] })
}

pub(super) fn evidence(case: &Case) -> (JpkiEvidence, Judgement) {
    let judgement = case.judged_by(roots());
    let evidence = Evidence {
        certificate: &case.certificate,
        expected_kind: case.kind,
        signature: &case.signature,
        signed_data: SignedData::Bytes(&case.document),
        expected_digest: case.digest,
        lists: &case.lists,
        ocsp: &case.ocsp,
    };
    (JpkiEvidence::of(&evidence, &case.policy, &judgement).unwrap(), judgement)
}

pub(super) fn content(case: &Case, rules: Vec<Rule>) -> Content {
    let (evidence, judgement) = evidence(case);
    Content::of(evidence, &judgement.verdict, rules, None)
}

/// The record as the platform's audit log writes it.
pub(super) fn record(encoded: &[u8], indication: &str) -> Vec<u8> {
    let record = json!({
        "version": 1, "salt": "00112233445566778899aabbccddeeff", "at": NOW, "kind": "identity_proofing.completed",
        "relying_party": "rp_00112233445566778899aabbccddeeff", "person": "pe_00112233445566778899aabbccddeeff",
        "detail": {
            "bundle": musubi_kernel::hex_lower(&sha256(encoded)), "indication": indication, "list_number": 300,
            "purpose": "account_opening", "reason": null, "sub_indication": null,
            "transaction": "ip_00112233445566778899aabbccddeeff",
        },
    });
    musubi_crypto::canonical_json(&record).into_bytes()
}

/// A log in which the record is the last of `size`, as it was when the verdict was written.
pub(super) fn audit(record: Vec<u8>, size: u64) -> AuditPart {
    let random = SeededRandom::new([9; 32]);
    let mut leaves: Vec<[u8; 32]> = Vec::new();
    for _ in 1..size {
        let mut leaf = [0; 32];
        random.fill(&mut leaf);
        leaves.push(leaf);
    }
    leaves.push(leaf_hash(&record));
    let levels = Levels::over(leaves);
    let index = size - 1;
    // Of the last leaf everything lies to the left, so that "from below" is from right to left.
    let mut path = range_proof(size, index, 1, &mut |from, to| levels.subtree(from, to).unwrap());
    path.reverse();
    AuditPart { record, index, size, root: levels.root(), path }
}

pub(super) fn sealed(content: &Content) -> Vec<u8> {
    let encoded = content.encode();
    seal(&encoded, &audit(record(&encoded, content.indication().as_str()), 42), &platform())
}

pub(super) fn bundle(case: &Case) -> Vec<u8> {
    sealed(&content(case, Vec::new()))
}

pub(super) fn attributes_rule(matches: bool) -> Rule {
    let word = |matches: bool| if matches { "match" } else { "mismatch" };
    let outcome = if matches { Outcome::Passed } else { Outcome::Failed };
    let result = CheckResult::new("attributes.match", "JPKI profile, personalData .1 to .6", outcome)
        .with("name", "match")
        .with("address", word(matches))
        .with("date_of_birth", "match")
        .with("sex", "match");
    Rule { result, on_failure: (SubIndication::SigConstraintsFailure, ReasonCode::AttributesMismatch) }
}

pub(super) fn upstream_rule(answers: bool) -> Rule {
    let outcome = if answers { Outcome::Passed } else { Outcome::Inconclusive };
    let word = if answers { "answered" } else { "unreachable" };
    let result =
        CheckResult::new("upstream.correspondence", "JPKI Act, art. 18 (5)", outcome).with("authority", word);
    Rule { result, on_failure: (SubIndication::TryLater, ReasonCode::UpstreamUnreachable) }
}

/// A rule with evidence of every kind.
pub(super) fn further_rule() -> Rule {
    let result = CheckResult::new("further.rule", "nowhere", Outcome::Skipped)
        .with("asked_at", NOW)
        .with("attempts", 2_u32)
        .with("difference", -1_i64)
        .with("text", "結び")
        .with("final", true);
    Rule { result, on_failure: (SubIndication::TryLater, ReasonCode::UpstreamUnreachable) }
}

pub(super) fn changed(mut case: Case, change: impl FnOnce(&mut Case)) -> Case {
    change(&mut case);
    case
}

fn listed(at: i64, why: RevocationReason) -> Case {
    let authority = Authority::signature_second();
    let others = (0..700_u32).map(|n| entry(SerialNumber::from(5 + 6007 * n).as_be_bytes(), NOW, why));
    let mut list = others.fold(List::of(&authority), List::entry);
    list = list.entry(entry(&[0x1E, 0xE6, 0x07], NOW.plus(at), why));
    changed(Case::signature(), |case| case.lists = vec![list.verified()])
}

/// Without any list.
fn by_response(says: Says) -> Case {
    changed(Case::signature(), |case| {
        let answer = Answer::of(&Authority::signature_second(), &Leaf::signature()).saying(says);
        (case.lists, case.ocsp) = (Vec::new(), vec![answer.der()]);
    })
}

/// Every kind of pass and refusal that the judgement knows, by name.
pub(super) fn cases() -> Vec<(&'static str, Case)> {
    let second = Authority::signature_second;
    let of = |leaf: Leaf| Case::of(&second(), &leaf);
    let list = |list: List| changed(Case::signature(), |case| case.lists = vec![list.verified()]);
    vec![
        ("passed with a signature certificate", Case::signature()),
        ("passed with an authentication certificate", Case::authentication()),
        ("passed of the first generation", Case::of(&Authority::signature_first(), &Leaf::signature())),
        ("passed without a digest fixed before", changed(Case::signature(), |case| case.digest = None)),
        (
            "passed by the fresher of two lists",
            changed(Case::signature(), |case| {
                let old = List::of(&second()).numbered(7).updates(NOW.plus(-DAY), NOW.plus(-HOUR));
                case.lists.insert(0, old.verified());
            }),
        ),
        ("revoked", listed(-DAY, RevocationReason::Superseded)),
        ("held", listed(-DAY, RevocationReason::CertificateHold)),
        (
            "revoked before it was signed",
            changed(listed(-DAY, RevocationReason::KeyCompromise), |case| {
                case.policy.not_signed_before = Some(NOW.plus(-HOUR));
            }),
        ),
        ("no list", changed(Case::signature(), |case| case.lists.clear())),
        ("list past its end", list(List::of(&second()).updates(NOW.plus(-2 * DAY), NOW.plus(-DAY)))),
        ("list from the future", list(List::of(&second()).updates(NOW.plus(DAY), NOW.plus(2 * DAY)))),
        ("list older than agreed", changed(Case::signature(), |case| case.policy.max_list_age = Some(60))),
        ("another document", changed(Case::signature(), |case| case.document = b"another".to_vec())),
        ("another digest", changed(Case::signature(), |case| case.digest = Some([1; 32]))),
        (
            "signed with another key",
            changed(Case::signature(), |case| case.signature = sign(Key::Stranger, &case.document)),
        ),
        ("no signature", changed(Case::signature(), |case| case.signature = vec![0])),
        ("expired", changed(Case::signature(), |case| case.at = NOW.plus(4000 * DAY))),
        ("not yet valid", changed(Case::signature(), |case| case.at = NOW.plus(-2000 * DAY))),
        (
            "of the other kind",
            changed(Case::authentication(), |case| case.kind = AuthorityKind::DigitalSignature),
        ),
        (
            "no certificate",
            changed(Case::signature(), |case| case.certificate = b"not a certificate".to_vec()),
        ),
        ("passed by a response", by_response(Says::Good)),
        (
            "revoked by a response",
            by_response(Says::Revoked(NOW.plus(-HOUR), RevocationReason::KeyCompromise)),
        ),
        ("unknown to the responder", by_response(Says::Unknown)),
        ("an authority's own", changed(Case::signature(), |case| case.certificate = second().certificate())),
        ("keys too short", changed(Case::signature(), |case| case.policy.min_rsa_bits = 3072)),
        (
            "of an unknown authority",
            changed(Case::signature(), |case| {
                let from = NOW.plus(-800 * DAY);
                let stranger = Authority::of(AuthorityKind::DigitalSignature, Key::Stranger, &[9], from);
                case.certificate = stranger.issue(&Leaf::signature());
            }),
        ),
        (
            "not signed by its authority",
            changed(of(Leaf::signature()), |case| {
                let last = case.certificate.len() - 1;
                case.certificate[last] ^= 1;
            }),
        ),
        (
            "without extensions",
            of({
                let mut leaf = Leaf::signature();
                leaf.extensions.clear();
                leaf
            }),
        ),
        (
            "a key that is none",
            of({
                let mut leaf = Leaf::signature();
                leaf.public_key = tlv(0x30, &[]);
                leaf
            }),
        ),
    ]
}

/// What must stand nowhere in words: the holder's address is in the certificate only.
pub(super) const PRIVATE: &str = HOLDER_ADDRESS;
