//! Responses of our own making, signed by an issuer with an Ed25519 key.

use musubi_crypto::{DigestAlgorithm, Ed25519Signer, PublicKey};
use musubi_kernel::UnixTime;

use super::{GOOD, Judge, certificate};
use crate::oid;
use crate::path::ocsp::request::tlv;
use crate::path::ocsp::{Response, status};
use crate::path::status::{IssuerKey, Question, Status};
use crate::policy::ValidationPolicy;

pub(super) const HOUR: i64 = 3_600;
pub(super) const DAY: i64 = 24 * HOUR;
/// 2026-12-01T00:00:00Z
pub(super) const NOW: UnixTime = UnixTime(1_796_083_200);

/// DER of a GeneralizedTime.
pub(super) fn time(at: UnixTime) -> Vec<u8> {
    let text: String =
        at.rfc3339().chars().filter(char::is_ascii_alphanumeric).filter(|c| *c != 'T').collect();
    tlv(0x18, &[text])
}

/// DER of a `CertStatus`.
pub(super) fn good() -> Vec<u8> {
    vec![0x80, 0x00]
}

pub(super) fn unknown() -> Vec<u8> {
    vec![0x82, 0x00]
}

pub(super) fn revoked(at: UnixTime, reason: u8) -> Vec<u8> {
    tlv(0xA1, &[time(at), tlv(0xA0, &[[0x0A, 0x01, reason]])])
}

/// DER of an `Extension`.
pub(super) fn extension(id: const_oid::ObjectIdentifier, is_critical: bool, value: &[u8]) -> Vec<u8> {
    let critical: &[u8] = if is_critical { &[0x01, 0x01, 0xFF] } else { &[] };
    tlv(0x30, &[&tlv(6, &[id.as_bytes()])[..], critical, &tlv(4, &[value])])
}

/// An answer about the fixtures' good certificate.
#[derive(Clone)]
pub(super) struct Answer {
    pub(super) status: Vec<u8>,
    pub(super) this_update: UnixTime,
    pub(super) next_update: Option<UnixTime>,
    pub(super) extensions: Vec<Vec<u8>>,
    pub(super) digest: DigestAlgorithm,
}

impl Answer {
    /// Issued an hour ago, for a day.
    pub(super) fn of(status: Vec<u8>) -> Self {
        Self::issued(NOW.plus(-HOUR), status)
    }

    /// Issued at this time, for a day.
    pub(super) fn issued(at: UnixTime, status: Vec<u8>) -> Self {
        let digest = DigestAlgorithm::Sha1;
        Self { status, this_update: at, next_update: Some(at.plus(DAY)), extensions: Vec::new(), digest }
    }

    pub(super) fn der(&self) -> Vec<u8> {
        let certificate = certificate(GOOD);
        let id = match self.digest {
            DigestAlgorithm::Sha1 => oid::SHA1,
            DigestAlgorithm::Sha256 => oid::SHA256,
            DigestAlgorithm::Sha384 => oid::SHA384,
            DigestAlgorithm::Sha512 => oid::SHA512,
        };
        let mut parts = vec![
            tlv(
                0x30,
                &[
                    tlv(0x30, &[tlv(6, &[id.as_bytes()])]),
                    tlv(4, &[self.digest.digest(&[certificate.issuer])]),
                    tlv(4, &[self.digest.digest(&[&signer().public_key()])]),
                    tlv(2, &[certificate.serial]),
                ],
            ),
            self.status.clone(),
            time(self.this_update),
        ];
        parts.extend(self.next_update.map(|at| tlv(0xA0, &[time(at)])));
        if !self.extensions.is_empty() {
            parts.push(tlv(0xA1, &[tlv(0x30, &self.extensions)]));
        }
        tlv(0x30, &parts)
    }
}

fn signer() -> Ed25519Signer {
    Ed25519Signer::from_seed(&[7; 32]).unwrap()
}

/// A `BasicOCSPResponse`, and what it is made of.
pub(super) struct Made {
    pub(super) version: Vec<u8>,
    pub(super) responder: Vec<u8>,
    pub(super) produced_at: UnixTime,
    pub(super) answers: Vec<Vec<u8>>,
    pub(super) extensions: Vec<Vec<u8>>,
    pub(super) certificates: Vec<Vec<u8>>,
}

impl Made {
    /// By the issuer, named by its name, when the first answer was known.
    pub(super) fn of(answers: &[Answer]) -> Self {
        Self {
            version: Vec::new(),
            responder: tlv(0xA1, &[certificate(GOOD).issuer]),
            produced_at: answers.first().map_or(NOW, |answer| answer.this_update),
            answers: answers.iter().map(Answer::der).collect(),
            extensions: Vec::new(),
            certificates: Vec::new(),
        }
    }

    pub(super) fn der(&self) -> Vec<u8> {
        let mut parts = vec![
            self.version.clone(),
            self.responder.clone(),
            time(self.produced_at),
            tlv(0x30, &self.answers),
        ];
        if !self.extensions.is_empty() {
            parts.push(tlv(0xA1, &[tlv(0x30, &self.extensions)]));
        }
        let tbs = tlv(0x30, &parts);
        let signature = signer().sign(&tbs);
        let algorithm = tlv(0x30, &[tlv(6, &[oid::ED25519.as_bytes()])]);
        let mut parts = vec![tbs, algorithm, tlv(3, &[&[0][..], &signature])];
        if !self.certificates.is_empty() {
            parts.push(tlv(0xA0, &[tlv(0x30, &self.certificates)]));
        }
        tlv(0x30, &parts)
    }
}

/// The status of the good certificate, asked at `judged_at` for `control`.
pub(super) fn ask_for(
    control: UnixTime,
    judged_at: UnixTime,
    policy: &ValidationPolicy,
    responses: &[Vec<u8>],
) -> Status {
    ask_about(GOOD, control, judged_at, policy, responses)
}

/// As [`ask_for`], of a certificate with the name and serial number of the good one.
pub(super) fn ask_about(
    leaf: &[u8],
    control: UnixTime,
    judged_at: UnixTime,
    policy: &ValidationPolicy,
    responses: &[Vec<u8>],
) -> Status {
    let leaf = certificate(leaf);
    let key_bits = signer().public_key();
    let spki = tlv(0x30, &[tlv(0x30, &[tlv(6, &[oid::ED25519.as_bytes()])]), tlv(3, &[&[0][..], &key_bits])]);
    let key = PublicKey::ed25519(&spki).unwrap();
    let issuer =
        IssuerKey { name: leaf.issuer, key: &key, key_bits: &key_bits, key_id: None, may_sign_crls: false };
    let question = Question { certificate: &leaf, issuer, control, judged_at, policy };
    let responses: Vec<_> = responses.iter().map(|der| Response::parse(der).unwrap()).collect();
    status(&question, &responses, &mut Judge::knowing(&[]))
}

/// Asked now, for now.
pub(super) fn ask(responses: &[Made]) -> Status {
    let responses: Vec<_> = responses.iter().map(Made::der).collect();
    ask_for(NOW, NOW, &ValidationPolicy::default(), &responses)
}
