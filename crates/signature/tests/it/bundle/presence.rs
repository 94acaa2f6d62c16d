//! Bundles of presence without PIN: another kind, replayed by the judgement of presence, and never taken for the other.

use musubi_pki::*;
use musubi_signature::bundle::*;

use super::made::{changed, content, platform, record, replayed, roots, sealed};
use super::support::authority::Authority;
use super::support::lists::{List, entry};
use super::support::{Case, DAY, Key, NOW, sign, signer};

/// The key that stands for the card's free key.
const CARD: Key = Key::SignatureFirst;

fn statement() -> PresenceStatement {
    PresenceStatement {
        origin: "https://bank.example".into(),
        relying_party: "rp_00112233445566778899aabbccddeeff".into(),
        purpose: "reception".into(),
        nonce: "A".repeat(43),
    }
}

/// What is judged of an authentication case, if its card was held out instead.
fn judged(
    case: &Case,
    card_key: Option<&[u8]>,
    statement: &PresenceStatement,
) -> (JpkiEvidence, PresenceJudgement) {
    let signature = sign(CARD, statement.text(&case.certificate).as_bytes());
    let evidence = PresenceEvidence {
        certificate: &case.certificate,
        card_key,
        statement,
        signature: &signature,
        lists: &case.lists,
        ocsp: &[],
    };
    let judgement = judge_presence(&evidence, roots(), &case.policy, NOW);
    (JpkiEvidence::of_presence(&evidence, &case.policy, &judgement).unwrap(), judgement)
}

pub(super) fn presence(case: &Case, card_key: Option<&[u8]>) -> (Content, Verdict) {
    let (evidence, judgement) = judged(case, card_key, &statement());
    (Content::of(evidence, &judgement.verdict, Vec::new(), None), judgement.verdict)
}

pub(super) fn card() -> Vec<u8> {
    signer(CARD).spki_der().unwrap()
}

fn revoked() -> Case {
    let why = RevocationReason::KeyCompromise;
    let serial = super::support::authority::serial();
    let list = List::of(&Authority::authentication()).entry(entry(serial.as_be_bytes(), NOW.plus(-DAY), why));
    changed(Case::authentication(), |case| case.lists = vec![list.verified()])
}

#[test]
fn every_kind_of_verdict_of_presence_follows_from_its_bundle() {
    let stranger = signer(Key::Stranger).spki_der().unwrap();
    let ordinary = Case::authentication();
    let without_lists = changed(Case::authentication(), |case| case.lists.clear());
    for (name, case, key, reason) in [
        ("passed", &ordinary, Some(card()), None),
        ("not enrolled", &ordinary, None, Some(ReasonCode::PresenceNotEnrolled)),
        ("another card", &ordinary, Some(stranger), Some(ReasonCode::PresenceNotProven)),
        ("no key", &ordinary, Some(b"none".to_vec()), Some(ReasonCode::CertificateWeakAlgorithm)),
        ("revoked", &revoked(), Some(card()), Some(ReasonCode::CertificateRevoked)),
        ("no list", &without_lists, Some(card()), Some(ReasonCode::UpstreamUnreachable)),
    ] {
        let (content, verdict) = presence(case, key.as_deref());
        let again = replayed(&sealed(&content)).unwrap_or_else(|difference| panic!("{name}: {difference}"));
        assert_eq!((again.verdict.reason(), &again.verdict), (reason, &verdict), "{name}");
        assert_eq!(again.content, content, "{name}");
    }
}

#[test]
fn a_bundle_of_before_and_of_a_holders_signature_is_of_the_old_kind() {
    let holds = |content: &Content, word: &[u8]| content.encode().windows(word.len()).any(|w| w == word);
    let old = content(&Case::authentication(), Vec::new());
    assert!(holds(&old, b"\x64jpki\x04") && !holds(&old, b"jpki.presence"));
    let (new, _) = presence(&Case::authentication(), Some(&card()));
    assert!(holds(&new, b"\x6djpki.presence\x04"));
}

#[test]
fn a_presence_cannot_be_passed_off_as_an_authentication() {
    let authenticated = Case::authentication().judged_by(roots()).verdict;
    let (evidence, judgement) = judged(&Case::authentication(), Some(&card()), &statement());
    // The platform lies: the evidence of a presence, the verdict of an authentication.
    let lie = Content::of(evidence.clone(), &authenticated, Vec::new(), None);
    assert!(matches!(replayed(&sealed(&lie)).unwrap_err(), Difference::CheckCount { .. }));
    // Or the evidence said to be of the other kind.
    let mut other = evidence;
    other.presence = None;
    let lie = Content::of(other, &judgement.verdict, Vec::new(), None);
    assert!(matches!(replayed(&sealed(&lie)).unwrap_err(), Difference::CheckCount { .. }));
}

#[test]
fn another_statement_or_card_key_is_found() {
    let (evidence, judgement) = judged(&Case::authentication(), Some(&card()), &statement());
    let changes: [fn(&mut CardPresence); 4] = [
        |presence| presence.statement.nonce = "B".repeat(43),
        |presence| presence.statement.origin = "https://phish.example".into(),
        |presence| presence.card_key = Some(signer(Key::Stranger).spki_der().unwrap()),
        |presence| presence.card_key = None,
    ];
    for change in changes {
        let mut forged = evidence.clone();
        change(forged.presence.as_mut().unwrap());
        let lie = Content::of(forged, &judgement.verdict, Vec::new(), None);
        let difference = replayed(&sealed(&lie)).unwrap_err();
        assert!(matches!(&difference, Difference::CheckOutcome { id, .. } if id.starts_with("presence.")));
    }
}

#[test]
fn the_evidence_of_a_presence_says_nothing_twice_and_has_no_line_of_its_own() {
    let (evidence, judgement) = judged(&Case::authentication(), Some(&card()), &statement());
    let changes: [fn(&mut JpkiEvidence); 5] = [
        |evidence| evidence.digests = Case::authentication().judged_by(roots()).digests,
        |evidence| evidence.expected_digest = Some([1; 32]),
        |evidence| evidence.expected_kind = AuthorityKind::DigitalSignature,
        |evidence| evidence.presence.as_mut().unwrap().statement.purpose = "a\nnonce: b".into(),
        |evidence| evidence.presence.as_mut().unwrap().card_key = Some(vec![0; 1025]),
    ];
    for change in changes {
        let mut forged = evidence.clone();
        change(&mut forged);
        let encoded = Content::of(forged, &judgement.verdict, Vec::new(), None).encode();
        assert!(matches!(Content::decode(&encoded), Err(Difference::NotABundle(_))));
    }
}

#[test]
fn an_unknown_kind_is_named() {
    let (content, _) = presence(&Case::authentication(), Some(&card()));
    let encoded = content.encode();
    let at = encoded.windows(13).position(|w| w == b"jpki.presence").unwrap();
    let mut other = encoded.clone();
    other[at + 5..at + 13].copy_from_slice(b"presents");
    let sealed = seal(&other, &super::made::audit(record(&other, "TOTAL-PASSED"), 42), &platform());
    assert_eq!(replayed(&sealed).unwrap_err(), Difference::UnknownKind("jpki.presents".to_owned()));
}
