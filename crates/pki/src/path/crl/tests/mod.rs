//! Revocation lists of a small hierarchy of our own, with every departure that must be refused. Path validation is a
//! double here: it confirms what a test says it confirms.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::cloned_ref_to_slice_refs,
    reason = "the support of the tests is not in test functions; lists are given by value throughout"
)]

mod authority;
mod deltas;
#[allow(dead_code, clippy::cast_possible_truncation, reason = "shared with the tests of the whole crate")]
#[path = "../../../../tests/it/support/der.rs"]
mod der;
mod robustness;
mod scope;
mod times;

use const_oid::ObjectIdentifier;
use musubi_crypto::{Ed25519Signer, PublicKey, sha256};
use musubi_kernel::UnixTime;

use self::der::*;
use super::{List, status};
use crate::key::RevocationReason;
use crate::oid;
use crate::path::status::{Authorities, Exhausted, IssuerKey, Question, Role, Status, Unusable};
use crate::path::{KeyUsage, PathCertificate};
use crate::policy::ValidationPolicy;

/// 2026-11-21T02:03:04Z.
const NOW: UnixTime = UnixTime(1_795_226_584);
const HOUR: i64 = 3600;
const DAY: i64 = 24 * HOUR;

const CA: &str = "Authority";
const OTHER: &str = "Issuer of lists";

/// The keys, by seed.
const CA_KEY: u8 = 1;
const NEW_KEY: u8 = 2;
const OTHER_KEY: u8 = 3;
const STRANGER_KEY: u8 = 9;

fn signer(key: u8) -> Ed25519Signer {
    Ed25519Signer::from_seed(&[key; 32]).unwrap()
}

fn spki(key: u8) -> Vec<u8> {
    seq(&[&seq(&[&oid(oid::ED25519)]), &bits(&signer(key).public_key())])
}

fn signed(key: u8, tbs: &[u8]) -> Vec<u8> {
    seq(&[tbs, &seq(&[&oid(oid::ED25519)]), &bits(&signer(key).sign(tbs))])
}

fn named(text: &str) -> Vec<u8> {
    name(&[(oid::COUNTRY_NAME, "JP"), (oid::COMMON_NAME, text)])
}

/// One `GeneralName` that is a directory name.
fn directory(text: &str) -> Vec<u8> {
    ctx(4, &named(text))
}

/// `distributionPoint` with these `GeneralName`s.
fn full_name(names: &[u8]) -> Vec<u8> {
    ctx(0, &ctx(0, names))
}

/// `distributionPoint` relative to the name of the list's issuer.
fn relative_name(text: &str) -> Vec<u8> {
    ctx(0, &ctx(1, &seq(&[&oid(oid::COMMON_NAME), &utf8(text)])))
}

/// `ReasonFlags` with these bits, implicitly tagged.
fn reason_flags(tag: u8, flags: &[u8]) -> Vec<u8> {
    let mut octets = [0_u8; 2];
    for flag in flags {
        octets[usize::from(flag / 8)] |= 0x80 >> (flag % 8);
    }
    let last = *flags.iter().max().unwrap();
    ctx_bytes(tag, &[&[7 - last % 8], &octets[..=usize::from(last / 8)]].concat())
}

const TRUE: &[u8] = &[0xFF];

/// A certificate.
#[derive(Clone)]
struct Certificate {
    issuer: Vec<u8>,
    subject: Vec<u8>,
    key: u8,
    serial: Vec<u8>,
    not_after: UnixTime,
    extensions: Vec<Vec<u8>>,
}

impl Certificate {
    fn of(subject: &str, key: u8) -> Self {
        Self {
            issuer: named(CA),
            subject: named(subject),
            key,
            serial: vec![0x02, 0x01, 0x2A],
            not_after: NOW.plus(1000 * DAY),
            extensions: Vec::new(),
        }
    }

    fn with(mut self, id: ObjectIdentifier, value: &[u8]) -> Self {
        self.extensions.push(extension(id, false, value));
        self
    }

    /// `cRLDistributionPoints` with these points, each the content of its SEQUENCE.
    fn points(self, points: &[Vec<u8>]) -> Self {
        let points: Vec<u8> = points.iter().flat_map(|point| seq(&[point])).collect();
        self.with(oid::CRL_DISTRIBUTION_POINTS, &seq(&[&points]))
    }

    fn authority(self) -> Self {
        self.with(oid::BASIC_CONSTRAINTS, &seq(&[&boolean(true)]))
    }

    fn der(&self) -> Vec<u8> {
        let extensions = match self.extensions.is_empty() {
            true => Vec::new(),
            false => ctx(3, &seq(&[&self.extensions.concat()])),
        };
        let tbs = seq(&[
            &ctx(0, &integer(&[2])),
            &self.serial,
            &seq(&[&oid(oid::ED25519)]),
            &self.issuer,
            &seq(&[&utc_time(NOW.plus(-1000 * DAY)), &utc_time(self.not_after)]),
            &self.subject,
            &spki(self.key),
            &extensions,
        ]);
        signed(CA_KEY, &tbs)
    }
}

/// A list: fresh, complete, empty, of the authority until a test changes it.
#[derive(Clone)]
struct Crl {
    version: Vec<u8>,
    issuer: Vec<u8>,
    key: u8,
    this_update: UnixTime,
    next_update: Option<UnixTime>,
    entries: Vec<Vec<u8>>,
    extensions: Vec<(ObjectIdentifier, bool, Vec<u8>)>,
}

/// An entry of the certificate in question.
fn entry(at: UnixTime, reason: u8) -> Vec<u8> {
    entry_of(&[0x02, 0x01, 0x2A], at, &[reason_code(reason)])
}

fn entry_of(serial: &[u8], at: UnixTime, extensions: &[Vec<u8>]) -> Vec<u8> {
    let extensions = if extensions.is_empty() { Vec::new() } else { seq(&[&extensions.concat()]) };
    seq(&[serial, &utc_time(at), &extensions])
}

fn reason_code(code: u8) -> Vec<u8> {
    extension(oid::REASON_CODE, false, &tlv(0x0A, &[code]))
}

fn certificate_issuer(text: &str) -> Vec<u8> {
    extension(oid::CERTIFICATE_ISSUER, true, &seq(&[&directory(text)]))
}

const KEY_COMPROMISE: u8 = 1;
const SUPERSEDED: u8 = 4;
const HOLD: u8 = 6;
const REMOVE: u8 = 8;

impl Crl {
    fn new() -> Self {
        Self {
            version: integer(&[1]),
            issuer: named(CA),
            key: CA_KEY,
            this_update: NOW.plus(-HOUR),
            next_update: Some(NOW.plus(DAY)),
            entries: Vec::new(),
            extensions: vec![(oid::CRL_NUMBER, false, integer(&[10]))],
        }
    }

    fn by(mut self, issuer: &str, key: u8) -> Self {
        (self.issuer, self.key) = (named(issuer), key);
        self
    }

    fn period(mut self, this_update: UnixTime, next_update: UnixTime) -> Self {
        (self.this_update, self.next_update) = (this_update, Some(next_update));
        self
    }

    fn listing(mut self, entry: Vec<u8>) -> Self {
        self.entries.push(entry);
        self
    }

    fn with(mut self, id: ObjectIdentifier, critical: bool, value: Vec<u8>) -> Self {
        self.extensions.retain(|(other, ..)| *other != id);
        self.extensions.push((id, critical, value));
        self
    }

    fn numbered(self, number: u8) -> Self {
        self.with(oid::CRL_NUMBER, false, integer(&[number]))
    }

    fn delta_to(self, base: u8) -> Self {
        self.with(oid::DELTA_CRL_INDICATOR, true, integer(&[base]))
    }

    /// `issuingDistributionPoint` with these fields.
    fn point(self, fields: &[u8]) -> Self {
        self.with(oid::ISSUING_DISTRIBUTION_POINT, true, seq(&[fields]))
    }

    fn indirect(self) -> Self {
        self.point(&ctx_bytes(4, TRUE))
    }

    fn tbs(&self) -> Vec<u8> {
        let extensions: Vec<u8> = self
            .extensions
            .iter()
            .flat_map(|(id, critical, value)| extension(*id, *critical, value))
            .collect();
        seq(&[
            &self.version,
            &seq(&[&oid(oid::ED25519)]),
            &self.issuer,
            &utc_time(self.this_update),
            &self.next_update.map(generalized_time).unwrap_or_default(),
            &if self.entries.is_empty() { Vec::new() } else { seq(&[&self.entries.concat()]) },
            &if extensions.is_empty() { Vec::new() } else { ctx(0, &seq(&[&extensions])) },
        ])
    }

    fn der(&self) -> Vec<u8> {
        signed(self.key, &self.tbs())
    }
}

/// A question and what there is to answer it.
#[derive(Clone)]
struct Case {
    certificate: Certificate,
    lists: Vec<Vec<u8>>,
    /// Candidates, and whether path validation confirms them.
    candidates: Vec<(Certificate, bool)>,
    may_sign_crls: bool,
    control: UnixTime,
    policy: ValidationPolicy,
    budget: u32,
}

impl Case {
    fn new(lists: &[Crl]) -> Self {
        Self::about(Certificate::of("Holder", 7), lists)
    }

    fn about(certificate: Certificate, lists: &[Crl]) -> Self {
        Self {
            certificate,
            lists: lists.iter().map(Crl::der).collect(),
            candidates: Vec::new(),
            may_sign_crls: true,
            control: NOW,
            policy: ValidationPolicy::default(),
            budget: 100,
        }
    }

    fn candidate(mut self, certificate: Certificate, is_confirmed: bool) -> Self {
        self.candidates.push((certificate, is_confirmed));
        self
    }

    fn control(mut self, at: UnixTime) -> Self {
        self.control = at;
        self
    }

    fn status(&self) -> Status {
        let certificate = self.certificate.der();
        let certificate = PathCertificate::parse(&certificate).unwrap();
        let issuer = Certificate::of(CA, CA_KEY).der();
        let issuer = PathCertificate::parse(&issuer).unwrap();
        let candidates: Vec<Vec<u8>> = self.candidates.iter().map(|(candidate, _)| candidate.der()).collect();
        let mut unread = Vec::new();
        let lists: Vec<List<'_>> = self
            .lists
            .iter()
            .filter_map(|l| List::parse(l, 1 << 20).map_err(|e| unread.push(e)).ok())
            .collect();
        let question = Question {
            certificate: &certificate,
            issuer: IssuerKey {
                name: issuer.subject,
                key: issuer.public_key.as_ref().unwrap(),
                key_bits: issuer.key_bits,
                key_id: None,
                may_sign_crls: self.may_sign_crls,
            },
            control: self.control,
            judged_at: NOW,
            policy: &self.policy,
        };
        let mut double = Double {
            candidates: candidates.iter().map(|der| PathCertificate::parse(der).unwrap()).collect(),
            confirmed: self.candidates.iter().map(|(_, is_confirmed)| *is_confirmed).collect(),
            budget: self.budget,
        };
        match status(&question, &lists, &mut double) {
            Status::Unknown(unused) => Status::Unknown(unread.into_iter().chain(unused).collect()),
            known => known,
        }
    }

    /// Good, by this list.
    #[track_caller]
    fn is_good_by(&self, index: usize) {
        match self.status() {
            Status::Good { evidence, .. } => assert_eq!(evidence, sha256(&self.lists[index])),
            other => panic!("{other:?}"),
        }
    }

    /// Revoked since then, for this reason.
    #[track_caller]
    fn is_revoked(&self, since: UnixTime, why: RevocationReason) {
        match self.status() {
            Status::Revoked { at, reason, .. } => assert_eq!((at, reason), (since, why)),
            other => panic!("{other:?}"),
        }
    }

    /// Unknown, and this is the most telling of the reasons.
    #[track_caller]
    fn is_unknown(&self, why: Unusable) {
        match self.status() {
            Status::Unknown(unused) => assert_eq!(unused.last(), Some(&why), "{unused:?}"),
            other => panic!("{other:?}"),
        }
    }
}

/// Path validation, as far as the test says.
struct Double<'a> {
    candidates: Vec<PathCertificate<'a>>,
    confirmed: Vec<bool>,
    budget: u32,
}

impl<'a> Authorities<'a> for Double<'a> {
    fn charge(&mut self) -> Result<(), Exhausted> {
        self.budget = self.budget.checked_sub(1).ok_or(Exhausted)?;
        Ok(())
    }

    fn candidates(&self) -> &[PathCertificate<'a>] {
        &self.candidates
    }

    fn trusted_key(
        &mut self,
        candidate: &PathCertificate<'a>,
        role: Role,
        _question: &Question<'_>,
    ) -> Result<PublicKey, Unusable> {
        assert_eq!(role, Role::CrlIssuer);
        assert!(candidate.permits(KeyUsage::CrlSign));
        let index = self.candidates.iter().position(|other| other.der == candidate.der).unwrap();
        if self.confirmed[index] {
            Ok(candidate.public_key.clone().unwrap())
        } else {
            Err(Unusable::Unauthorized)
        }
    }
}
