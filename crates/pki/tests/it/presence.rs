//! Presence without PIN: what passes, what does not, and that it is never taken for the holder's signature.

use musubi_pki::*;

use crate::support::authority::*;
use crate::support::der::utc_time;
use crate::support::lists::{List, entry};
use crate::support::{Case, DAY, Key, NOW, anchors, sign, signer, with_outcome};

/// A presence to judge: everything in order until a test changes it.
struct Presence {
    certificate: Vec<u8>,
    card_key: Option<Vec<u8>>,
    statement: PresenceStatement,
    signature: Vec<u8>,
    lists: Vec<std::sync::Arc<VerifiedRevocationList>>,
    policy: Policy,
}

/// The key that stands for the card's free key.
const CARD: Key = Key::SignatureFirst;

impl Presence {
    fn in_order() -> Self {
        let case = Case::authentication();
        let statement = PresenceStatement {
            origin: "https://bank.example".into(),
            relying_party: "rp_00112233445566778899aabbccddeeff".into(),
            purpose: "reception".into(),
            nonce: "A".repeat(43),
        };
        Self {
            signature: sign(CARD, statement.text(&case.certificate).as_bytes()),
            certificate: case.certificate,
            card_key: Some(signer(CARD).spki_der().unwrap()),
            statement,
            lists: case.lists,
            policy: Policy::default(),
        }
    }

    fn judged(&self) -> PresenceJudgement {
        let evidence = PresenceEvidence {
            certificate: &self.certificate,
            card_key: self.card_key.as_deref(),
            statement: &self.statement,
            signature: &self.signature,
            lists: &self.lists,
            ocsp: &[],
        };
        judge_presence(&evidence, &anchors(), &self.policy, NOW)
    }

    #[track_caller]
    fn fails(&self, sub_indication: SubIndication, reason: ReasonCode) -> Verdict {
        let judgement = self.judged();
        let found = judgement.verdict.sub_indication().zip(judgement.verdict.reason());
        assert_eq!(found, Some((sub_indication, reason)), "{:#?}", judgement.verdict);
        assert!(judgement.certificate.is_none());
        judgement.verdict
    }
}

#[test]
fn the_enrolled_cards_signature_over_the_text_that_names_the_certificate_passes() {
    let judgement = Presence::in_order().judged();
    assert!(judgement.verdict.is_passed(), "{:#?}", judgement.verdict);
    assert_eq!(judgement.certificate.unwrap().key(), &judgement.issued.unwrap());
    assert_eq!(judgement.verdict.checks().len(), CHECKS.len() - 2 + PRESENCE_CHECKS.len());
    let of_the_card = judgement.verdict.check("presence.signature_value").unwrap();
    assert_eq!(of_the_card.evidence("assurance"), Some(&EvidenceValue::from("card_present")));
}

#[test]
fn the_text_has_six_lines_and_no_other_form() {
    let presence = Presence::in_order();
    let text = presence.statement.text(b"certificate");
    assert_eq!(
        text,
        "Musubi card presence 1\norigin: https://bank.example\n\
         relying-party: rp_00112233445566778899aabbccddeeff\npurpose: reception\n\
         nonce: AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA\n\
         certificate: A9Zt0Ig1wco_EozOrNHzGslBYwlrIPRFroQoW8CDLXI\n"
    );
    assert_eq!(text.lines().last().unwrap().len(), "certificate: ".len() + 43);
    assert_ne!(text, presence.statement.text(b"another"));
}

#[test]
fn no_verdict_of_presence_has_the_check_of_the_holders_signature() {
    let verdict = Presence::in_order().judged().verdict;
    assert!(verdict.check("signature.value").is_none() && verdict.check("document.digest").is_none());
    for check in PRESENCE_CHECKS {
        assert!(CHECKS.iter().all(|other| other.id() != check.id()));
        assert!(Case::authentication().passes().check(check.id()).is_none());
        assert!(!check.citation().is_empty());
    }
}

#[test]
fn without_an_enrolment_nothing_passes_and_the_person_is_told_to_sign_in_once() {
    let mut presence = Presence::in_order();
    presence.card_key = None;
    let verdict = presence.fails(SubIndication::SigConstraintsFailure, ReasonCode::PresenceNotEnrolled);
    assert_eq!(with_outcome(&verdict, Outcome::Failed), ["presence.enrolment"]);
}

#[test]
fn the_key_of_another_card_proves_nothing() {
    let mut presence = Presence::in_order();
    presence.signature = sign(Key::Stranger, presence.statement.text(&presence.certificate).as_bytes());
    let verdict = presence.fails(SubIndication::SigCryptoFailure, ReasonCode::PresenceNotProven);
    assert_eq!(with_outcome(&verdict, Outcome::Failed), ["presence.signature_value"]);
    // Nor does the holder's own key: the answer to a request for the PIN is no presence.
    presence.signature = sign(Key::Holder, presence.statement.text(&presence.certificate).as_bytes());
    presence.fails(SubIndication::SigCryptoFailure, ReasonCode::PresenceNotProven);
    for wrong in [Vec::new(), vec![0; 256], vec![0xFF; 4096]] {
        presence.signature = wrong;
        presence.fails(SubIndication::SigCryptoFailure, ReasonCode::PresenceNotProven);
    }
}

#[test]
fn a_presence_with_one_certificate_proves_nothing_for_a_copy_of_another() {
    let mut presence = Presence::in_order();
    let mut other = Leaf::authentication();
    other.validity[1] = utc_time(NOW.plus(700 * DAY));
    let copied = Authority::authentication().issue(&other);
    presence.signature = sign(CARD, presence.statement.text(&copied).as_bytes());
    presence.fails(SubIndication::SigCryptoFailure, ReasonCode::PresenceNotProven);
    presence.certificate = copied;
    assert!(presence.judged().verdict.is_passed(), "for the certificate that it names it does");
}

#[test]
fn every_line_of_the_text_is_bound() {
    for change in [
        |s: &mut PresenceStatement| s.origin = "https://phish.example".into(),
        |s: &mut PresenceStatement| s.relying_party = "rp_ffeeddccbbaa99887766554433221100".into(),
        |s: &mut PresenceStatement| s.purpose = "sign_in".into(),
        |s: &mut PresenceStatement| s.nonce = "B".repeat(43),
    ] {
        let mut presence = Presence::in_order();
        change(&mut presence.statement);
        presence.fails(SubIndication::SigCryptoFailure, ReasonCode::PresenceNotProven);
    }
}

#[test]
fn the_certificate_is_judged_as_ever() {
    let mut presence = Presence::in_order();
    let authority = Authority::authentication();
    let revoking = List::of(&authority).entry(entry(
        serial().as_be_bytes(),
        NOW.plus(-DAY),
        RevocationReason::KeyCompromise,
    ));
    presence.lists = vec![revoking.verified()];
    presence.fails(SubIndication::RevokedNoPoe, ReasonCode::CertificateRevoked);
    presence.policy.not_signed_before = Some(NOW.plus(-1));
    presence.fails(SubIndication::Revoked, ReasonCode::CertificateRevoked);
    presence.lists = vec![List::of(&authority).updates(NOW.plus(-3 * DAY), NOW.plus(-2 * DAY)).verified()];
    presence.fails(SubIndication::TryLater, ReasonCode::RevocationListTooOld);
    presence.lists.clear();
    presence.fails(SubIndication::TryLater, ReasonCode::UpstreamUnreachable);

    let mut presence = Presence::in_order();
    let signing = Case::signature();
    presence.signature = sign(CARD, presence.statement.text(&signing.certificate).as_bytes());
    (presence.certificate, presence.lists) = (signing.certificate, signing.lists);
    presence.fails(SubIndication::ChainConstraintsFailure, ReasonCode::CertificateWrongKind);
    presence.certificate = b"no certificate".to_vec();
    presence.fails(SubIndication::FormatFailure, ReasonCode::CertificateMalformed);
}

#[test]
fn a_card_key_that_is_none_or_too_weak_proves_nothing() {
    let mut presence = Presence::in_order();
    for wrong in [&b""[..], b"\x30\x00", &[0xFF; 300]] {
        presence.card_key = Some(wrong.to_vec());
        presence.fails(SubIndication::CryptoConstraintsFailure, ReasonCode::CertificateWeakAlgorithm);
    }
    presence = Presence::in_order();
    presence.policy.min_rsa_bits = 3072;
    let verdict = presence.judged().verdict;
    assert_eq!(with_outcome(&verdict, Outcome::Failed), ["algorithm.strength", "presence.key_strength"]);
}
