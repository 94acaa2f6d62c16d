//! Authorities of any hierarchy for the tests of paths: Ed25519 keys made of one byte each, names of one attribute,
//! and every extension as a test wants it.

use const_oid::ObjectIdentifier;
use musubi_crypto::Ed25519Signer;
use musubi_kernel::UnixTime;
use musubi_pki::oid;
use musubi_pki::path::*;
use musubi_pki::{ReasonCode, RevocationMode, SubIndication, ValidationPolicy, Verdict};

use crate::support::der::*;
use crate::support::{DAY, NOW};

pub(crate) fn common_name(text: &str) -> Vec<u8> {
    name(&[(oid::COMMON_NAME, text)])
}

fn ed25519() -> Vec<u8> {
    seq(&[&oid(oid::ED25519)])
}

fn signer(key: u16) -> Ed25519Signer {
    let mut seed = [0x5A; 32];
    seed[..2].copy_from_slice(&key.to_be_bytes());
    Ed25519Signer::from_seed(&seed).unwrap()
}

pub(crate) fn key_id(key: u16) -> Vec<u8> {
    [b"key", &key.to_be_bytes()[..]].concat()
}

/// What goes into a certificate: in order until a test changes it.
#[derive(Clone)]
pub(crate) struct Cert {
    pub(crate) version: u8,
    pub(crate) serial: u16,
    pub(crate) subject: Vec<u8>,
    pub(crate) key: u16,
    pub(crate) issuer: Vec<u8>,
    pub(crate) signed_with: u16,
    pub(crate) not_before: UnixTime,
    pub(crate) not_after: UnixTime,
    pub(crate) extensions: Vec<(ObjectIdentifier, bool, Vec<u8>)>,
}

impl Cert {
    /// An authority with this name and key.
    pub(crate) fn authority(subject: &str, key: u16) -> Self {
        Self::leaf(subject, key).with(oid::BASIC_CONSTRAINTS, true, seq(&[&boolean(true)])).with(
            oid::KEY_USAGE,
            true,
            tlv(3, &[1, 0x06]),
        )
    }

    /// An end entity with this name and key; no extensions.
    pub(crate) fn leaf(subject: &str, key: u16) -> Self {
        Self {
            version: 3,
            serial: key,
            subject: common_name(subject),
            key,
            issuer: common_name(subject),
            signed_with: key,
            not_before: NOW.plus(-100 * DAY),
            not_after: NOW.plus(100 * DAY),
            extensions: Vec::new(),
        }
    }

    /// Issued by the authority with this name and key.
    pub(crate) fn by(mut self, issuer: &str, key: u16) -> Self {
        self.issuer = common_name(issuer);
        self.signed_with = key;
        self
    }

    /// Sets an extension, in its place if there is one.
    pub(crate) fn with(mut self, id: ObjectIdentifier, critical: bool, value: Vec<u8>) -> Self {
        self = self.without(id);
        self.extensions.push((id, critical, value));
        self
    }

    pub(crate) fn without(mut self, id: ObjectIdentifier) -> Self {
        self.extensions.retain(|(other, ..)| *other != id);
        self
    }

    /// The two key identifiers: its own, and the one that it gives for its issuer.
    pub(crate) fn with_key_ids(self, own: u16, issuer: u16) -> Self {
        self.with(oid::SUBJECT_KEY_IDENTIFIER, false, octets(&key_id(own))).with(
            oid::AUTHORITY_KEY_IDENTIFIER,
            false,
            seq(&[&ctx_bytes(0, &key_id(issuer))]),
        )
    }

    /// `basicConstraints` with a path length.
    pub(crate) fn with_path_length(self, most: u8) -> Self {
        self.with(oid::BASIC_CONSTRAINTS, true, seq(&[&boolean(true), &integer(&[most])]))
    }

    pub(crate) fn valid(mut self, from_days: i64, to_days: i64) -> Self {
        self.not_before = NOW.plus(from_days * DAY);
        self.not_after = NOW.plus(to_days * DAY);
        self
    }

    /// `subjectAltName` with these `GeneralName`s, DER each.
    pub(crate) fn named(self, names: &[Vec<u8>]) -> Self {
        self.with(oid::SUBJECT_ALT_NAME, false, seq(&[&names.concat()]))
    }

    pub(crate) fn with_purposes(self, critical: bool, purposes: &[ObjectIdentifier]) -> Self {
        let list: Vec<u8> = purposes.iter().flat_map(|purpose| oid(*purpose)).collect();
        self.with(oid::EXTENDED_KEY_USAGE, critical, seq(&[&list]))
    }

    pub(crate) fn der(&self) -> Vec<u8> {
        let extensions: Vec<u8> = self
            .extensions
            .iter()
            .flat_map(|(id, critical, value)| extension(*id, *critical, value))
            .collect();
        let extensions = if extensions.is_empty() { extensions } else { ctx(3, &seq(&[&extensions])) };
        let version = if self.version == 1 { Vec::new() } else { ctx(0, &integer(&[self.version - 1])) };
        let spki = seq(&[&ed25519(), &bits(&signer(self.key).public_key())]);
        let tbs = seq(&[
            &version,
            &integer(&[&[1][..], &self.serial.to_be_bytes()].concat()),
            &ed25519(),
            &self.issuer,
            &seq(&[&utc_time(self.not_before), &utc_time(self.not_after)]),
            &self.subject,
            &spki,
            &extensions,
        ]);
        seq(&[&tbs, &ed25519(), &bits(&signer(self.signed_with).sign(&tbs))])
    }
}

/// A revocation list of an authority: fresh, of everything, in version 2.
pub(crate) fn list(issuer: &str, key: u16, revoked: &[(u16, UnixTime, u8)]) -> Vec<u8> {
    list_of(issuer, key, NOW.plus(-DAY), NOW.plus(DAY), revoked)
}

pub(crate) fn list_of(
    issuer: &str,
    key: u16,
    this_update: UnixTime,
    next_update: UnixTime,
    revoked: &[(u16, UnixTime, u8)],
) -> Vec<u8> {
    list_with(issuer, key, (this_update, next_update), revoked, &[])
}

/// The same with one more extension, DER.
pub(crate) fn list_with(
    issuer: &str,
    key: u16,
    (this_update, next_update): (UnixTime, UnixTime),
    revoked: &[(u16, UnixTime, u8)],
    more: &[u8],
) -> Vec<u8> {
    let entries: Vec<u8> = revoked
        .iter()
        .flat_map(|(serial, at, reason)| {
            let reason = extension(oid::REASON_CODE, false, &tlv(10, &[*reason]));
            let serial = integer(&[&[1][..], &serial.to_be_bytes()].concat());
            seq(&[&serial, &utc_time(*at), &seq(&[&reason])])
        })
        .collect();
    let entries = if entries.is_empty() { entries } else { seq(&[&entries]) };
    let number = extension(oid::CRL_NUMBER, false, &integer(&[1]));
    let tbs = seq(&[
        &integer(&[1]),
        &ed25519(),
        &common_name(issuer),
        &utc_time(this_update),
        &utc_time(next_update),
        &entries,
        &ctx(0, &seq(&[&number, more])),
    ]);
    seq(&[&tbs, &ed25519(), &bits(&signer(key).sign(&tbs))])
}

/// A case to judge: revocation is not looked at until a test asks for it.
pub(crate) struct PathCase {
    pub(crate) leaf: Vec<u8>,
    pub(crate) intermediates: Vec<Vec<u8>>,
    pub(crate) anchors: Vec<Vec<u8>>,
    pub(crate) crls: Vec<Vec<u8>>,
    pub(crate) ocsp: Vec<Vec<u8>>,
    pub(crate) policy: ValidationPolicy,
    pub(crate) purpose: Purpose,
    pub(crate) times: Times,
}

impl PathCase {
    pub(crate) fn of(leaf: &Cert, intermediates: &[Cert], anchors: &[Cert]) -> Self {
        let all = |certificates: &[Cert]| certificates.iter().map(Cert::der).collect();
        Self {
            leaf: leaf.der(),
            intermediates: all(intermediates),
            anchors: all(anchors),
            crls: Vec::new(),
            ocsp: Vec::new(),
            policy: ValidationPolicy { revocation: RevocationMode::Off, ..ValidationPolicy::default() },
            purpose: Purpose::default(),
            times: Times::at(NOW),
        }
    }

    /// A leaf under a root, by way of an authority that a test may change.
    pub(crate) fn chain(leaf: Cert, authority: Cert) -> Self {
        Self::of(&leaf.by("CA", 2), &[authority.by("Root", 1)], &[Cert::authority("Root", 1)])
    }

    pub(crate) fn judged(&self) -> PathJudgement {
        let slices = |all: &[Vec<u8>]| all.to_vec();
        let (intermediates, crls, ocsp) =
            (slices(&self.intermediates), slices(&self.crls), slices(&self.ocsp));
        let intermediates: Vec<&[u8]> = intermediates.iter().map(Vec::as_slice).collect();
        let crls: Vec<&[u8]> = crls.iter().map(Vec::as_slice).collect();
        let ocsp: Vec<&[u8]> = ocsp.iter().map(Vec::as_slice).collect();
        let anchors = PathAnchors::from_certificates(&self.anchors).unwrap();
        let evidence =
            PathEvidence { leaf: &self.leaf, intermediates: &intermediates, crls: &crls, ocsp: &ocsp };
        let rules = PathRules { policy: &self.policy, purpose: &self.purpose, times: self.times };
        judge_path(&evidence, &anchors, &rules)
    }

    #[track_caller]
    pub(crate) fn passes(&self) -> PathJudgement {
        let judgement = self.judged();
        assert!(judgement.verdict.is_passed(), "{:#?}", judgement.verdict);
        assert_eq!(judgement.verdict.checks().len(), PATH_CHECKS.len());
        judgement
    }

    /// Asserts the conclusion and which checks failed.
    #[track_caller]
    pub(crate) fn fails(&self, sub: SubIndication, reason: ReasonCode, checks: &[&str]) -> PathJudgement {
        let judgement = self.judged();
        let verdict = &judgement.verdict;
        assert_eq!(verdict.sub_indication().zip(verdict.reason()), Some((sub, reason)), "{verdict:#?}");
        assert_eq!(failed(verdict), checks, "{verdict:#?}");
        judgement
    }

    /// A rule of the path or of the demand is broken.
    #[track_caller]
    pub(crate) fn breaks(&self, check: &str) -> PathJudgement {
        self.fails(SubIndication::ChainConstraintsFailure, ReasonCode::CertificateConstraints, &[check])
    }
}

/// The checks that failed or do not tell.
pub(crate) fn failed(verdict: &Verdict) -> Vec<&str> {
    use musubi_pki::Outcome::{Failed, Inconclusive};
    let bad = verdict.checks().iter().filter(|check| matches!(check.outcome(), Failed | Inconclusive));
    bad.map(musubi_pki::CheckResult::id).collect()
}

/// What a responder says.
#[derive(Clone, Copy)]
pub(crate) enum Says {
    Good,
    Revoked(UnixTime),
    Unknown,
}

/// A `BasicOCSPResponse` about a certificate of the issuer with this name and key, signed by the responder with this
/// name and key, whose certificate may be inside.
pub(crate) fn response(
    about: &Cert,
    says: Says,
    (responder, key): (&str, u16),
    certificates: &[Cert],
) -> Vec<u8> {
    let hash = musubi_crypto::sha256;
    let issuer_key = signer(about.signed_with).public_key();
    let serial = integer(&[&[1][..], &about.serial.to_be_bytes()].concat());
    let id = seq(&[
        &seq(&[&oid(oid::SHA256)]),
        &octets(&hash(&about.issuer)),
        &octets(&hash(&issuer_key)),
        &serial,
    ]);
    let status = match says {
        Says::Good => ctx_bytes(0, &[]),
        Says::Revoked(at) => ctx(1, &generalized_time(at)),
        Says::Unknown => ctx_bytes(2, &[]),
    };
    let next = ctx(0, &generalized_time(NOW.plus(DAY)));
    let single = seq(&[&id, &status, &generalized_time(NOW.plus(-DAY)), &next]);
    let tbs = seq(&[&ctx(1, &common_name(responder)), &generalized_time(NOW.plus(-DAY)), &seq(&[&single])]);
    let inside: Vec<u8> = certificates.iter().flat_map(Cert::der).collect();
    let inside = if inside.is_empty() { inside } else { ctx(0, &seq(&[&inside])) };
    seq(&[&tbs, &ed25519(), &bits(&signer(key).sign(&tbs)), &inside])
}
