//! The signatures of a document: every signature dictionary, named by a field or not, with the rules of ISO 32000-2
//! 12.8 and EN 319 142-1 6.3.
//!
//! Refused, by a rule that fails: a signature that no signature field of its revision names (GHSA-g258-q5gf-7hvx),
//! unknown and outdated kinds (`adbe.pkcs7.sha1`, `adbe.x509.rsa_sha1`: SHA-1), a time-stamp of the document that
//! does not say to be one, a certification that is not the first signature, and what [`coverage`](super::coverage)
//! and [`changes`](super::changes) refuse.

use std::borrow::Cow;
use std::collections::BTreeMap;

use musubi_pki::{ReasonCode, SubIndication};

use super::changes;
use super::coverage::{self, Coverage};
use super::dss::{self, Dss};
use super::form::{self, SignedField};
use super::lexer::Result;
use super::objects::{Dict, Id, Object};
use super::permissions::{CLOSED, Permissions, certification, field_lock};
use super::reader::{Reader, State};
use super::sweep;
use crate::cms::rules::{FORMAT, HASH, Rule, WEAK, unless};
use crate::cms::{self, Profile};
use crate::model::{Covered, Extent, Found, FoundTimestamp, Level, NotASignature, Signer, TimestampKind};
use crate::timestamp::Token;

/// Signatures of one document.
const MAX_SIGNATURES: usize = 64;
/// Bytes of the security store that are decoded and copied to the signatures, all together.
const MAX_COPIED: usize = 128 << 20;
/// Bytes of a document time-stamp that is evidence for other signatures.
const MAX_TOKEN: usize = 128 << 10;
/// Bytes that are hashed for one document, beside sixteen times the file. Every signature covers all before it, and
/// every time-stamp is over all of it for every signature before.
const MAX_HASHED: usize = 3 << 30;
/// The range is not the whole revision.
const UNCOVERED: (SubIndication, ReasonCode) = (SubIndication::FormatFailure, ReasonCode::SignatureCoverage);

/// What `/SubFilter` and `/Type` say.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Signature(Profile),
    Timestamp,
}

/// A signature dictionary on its way to be judged.
struct Candidate<'r, 'a> {
    holder: Id,
    dict: Dict<'r>,
    field: Option<SignedField>,
    kind: core::result::Result<Kind, &'static str>,
    coverage: core::result::Result<Coverage<'a>, &'static str>,
}

/// Every signature of the document, in the order of the form, hidden ones behind.
pub(super) fn find<'a>(file: &'a [u8]) -> Result<Vec<Found<'a>>> {
    let reader = Reader::open(file)?;
    let named = form::signed_fields(&reader, 0)?;
    let candidates = candidates(&reader, &named)?;
    if candidates.is_empty() {
        return Err(NotASignature::NoSignature);
    }
    let stamps = stamps(&reader, &candidates);
    let covered: Vec<(State, usize)> = candidates.iter().filter_map(Candidate::covered).collect();
    let stamped: Vec<(State, usize)> = stamps.iter().map(|stamp| stamp.coverage.extent()).collect();
    check_work(&covered, &stamped, file.len())?;
    let document = Document {
        dss: Dss::read(&reader, MAX_COPIED / candidates.len()),
        stamps,
        reader: &reader,
        candidates: &candidates,
    };
    let mut fields = BTreeMap::from([(0, named)]);
    let mut found = Vec::new();
    for (index, candidate) in candidates.iter().enumerate() {
        if let Ok(coverage) = &candidate.coverage
            && !fields.contains_key(&coverage.state)
        {
            fields.insert(coverage.state, form::signed_fields(&reader, coverage.state)?);
        }
        found.push(document.judge(index, candidate, &fields)?);
    }
    Ok(found)
}

fn candidates<'r, 'a>(reader: &'r Reader<'a>, named: &[SignedField]) -> Result<Vec<Candidate<'r, 'a>>> {
    let mut candidates: Vec<Candidate<'r, 'a>> = Vec::new();
    for field in named {
        let dict = match field.value {
            Some(id) => reader.load(0, id)?,
            None => match reader.load(0, field.id)? {
                Object::Dict(holder) => reader.resolve(0, holder.get(b"V"))?,
                _ => Object::Null,
            },
        };
        let holder = field.value.unwrap_or(field.id);
        // Two fields with one signature: it is judged once.
        if candidates.iter().all(|c| c.holder != holder) {
            let dict = dict.as_dict().cloned().unwrap_or_default();
            candidates.push(Candidate::new(reader, holder, dict, Some(field.clone())));
        }
        if candidates.len() > MAX_SIGNATURES {
            return Err(NotASignature::TooMuch { what: "signatures of a PDF", limit: MAX_SIGNATURES });
        }
    }
    for (holder, dict) in sweep::signature_dictionaries(reader, MAX_SIGNATURES)? {
        if candidates.iter().all(|c| c.holder != holder || c.dict.at != dict.at) {
            candidates.push(Candidate::new(reader, holder, dict, None));
        }
    }
    Ok(candidates)
}

impl<'r, 'a> Candidate<'r, 'a> {
    fn new(reader: &Reader<'a>, holder: Id, dict: Dict<'r>, field: Option<SignedField>) -> Self {
        let coverage = coverage::coverage(reader, holder, &dict);
        Self { holder, kind: kind(&dict), coverage, dict, field }
    }

    fn covered(&self) -> Option<(State, usize)> {
        self.coverage.as_ref().ok().map(Coverage::extent)
    }

    fn state(&self) -> Option<State> {
        self.coverage.as_ref().ok().map(|coverage| coverage.state)
    }
}

/// Refuses documents whose many signatures and time-stamps cost more than in proportion to their size.
fn check_work(covered: &[(State, usize)], stamped: &[(State, usize)], file: usize) -> Result<()> {
    let limit = MAX_HASHED.saturating_add(file.saturating_mul(16));
    let mut hashed = 0_usize;
    for (state, length) in covered {
        let later = stamped.iter().filter(|(other, _)| other < state).map(|(_, length)| *length);
        hashed = later.fold(hashed.saturating_add(*length), usize::saturating_add);
    }
    if hashed > limit {
        return Err(NotASignature::TooMuch { what: "bytes to hash of a PDF", limit });
    }
    Ok(())
}

fn kind(dict: &Dict<'_>) -> core::result::Result<Kind, &'static str> {
    let says_timestamp = dict.has_name(b"Type", b"DocTimeStamp");
    match dict.name(b"SubFilter") {
        Some(b"ETSI.RFC3161") if says_timestamp => Ok(Kind::Timestamp),
        Some(b"ETSI.RFC3161") => Err("a time-stamp that does not say to be one"),
        _ if says_timestamp => Err("says to be a time-stamp, but is of another kind"),
        Some(b"adbe.pkcs7.detached") => Ok(Kind::Signature(Profile::Pdf)),
        Some(b"ETSI.CAdES.detached") => Ok(Kind::Signature(Profile::Pades)),
        Some(b"adbe.pkcs7.sha1" | b"adbe.x509.rsa_sha1") => Err("rests on SHA-1"),
        Some(_) => Err("of an unknown kind"),
        None => Err("does not say of which kind it is"),
    }
}

struct Document<'d, 'r, 'a> {
    reader: &'r Reader<'a>,
    candidates: &'d [Candidate<'r, 'a>],
    dss: Dss<'a>,
    stamps: Vec<Stamp<'a>>,
}

/// A document time-stamp, as what it is to the signatures before it.
struct Stamp<'a> {
    coverage: Coverage<'a>,
    token: Vec<u8>,
    /// Whether there was revocation data below it.
    is_over_values: bool,
}

fn stamps<'a>(reader: &Reader<'a>, candidates: &[Candidate<'_, 'a>]) -> Vec<Stamp<'a>> {
    let stamps = candidates.iter().filter(|candidate| candidate.kind == Ok(Kind::Timestamp));
    let stamp = |candidate: &Candidate<'_, 'a>| {
        let coverage = candidate.coverage.ok()?;
        let token = coverage::contents(&candidate.dict).ok().filter(|token| token.len() <= MAX_TOKEN)?;
        let is_over_values = dss::has_revocation(reader, coverage.state);
        Some(Stamp { coverage, token, is_over_values })
    };
    stamps.filter_map(stamp).collect()
}

impl<'a> Document<'_, '_, 'a> {
    fn judge(
        &self,
        index: usize,
        candidate: &Candidate<'_, 'a>,
        fields: &BTreeMap<State, Vec<SignedField>>,
    ) -> Result<Found<'a>> {
        let contents = coverage::contents(&candidate.dict);
        let mut rules = vec![
            unless(field_problem(candidate, fields), "pdf.field", "ISO 32000-2 12.7.5.5, 12.8.1", FORMAT),
            unless(
                candidate.kind.err(),
                "pdf.sub_filter",
                "ISO 32000-2 12.8.3.1, table 255; EN 319 142-1 6.3",
                if candidate.kind == Err("rests on SHA-1") { WEAK } else { FORMAT },
            ),
            unless(
                candidate.coverage.err(),
                "pdf.byte_range",
                "ISO 32000-2 12.8.1; EN 319 142-1 5.1",
                UNCOVERED,
            ),
            unless(contents.as_ref().err().copied(), "pdf.contents", "ISO 32000-2 12.8.1, 12.8.3.3", FORMAT),
        ];
        rules.extend(self.certification_rule(candidate));
        if let Ok(coverage) = &candidate.coverage {
            let permissions = self.permissions(candidate, coverage);
            rules.push(changes::since(self.reader, coverage, permissions));
        }
        let contents = contents.unwrap_or_default();
        let mut found = self.read(candidate, &contents, &mut rules);
        rules.append(&mut found.rules);
        found.rules = rules;
        found.location = location(index, candidate);
        found.extent = self.extent(candidate);
        self.enrich(candidate, &mut found);
        Ok(found)
    }

    /// The CMS, or what is left to say if it cannot be read.
    fn read(&self, candidate: &Candidate<'_, 'a>, contents: &[u8], rules: &mut Vec<Rule>) -> Found<'a> {
        let parts = candidate.coverage.map_or((&[][..], &[][..]), |c| (c.first, c.second));
        let read = match candidate.kind {
            _ if contents.is_empty() => return unreadable("PDF signature"),
            Err(_) => return unreadable("PDF signature"),
            Ok(Kind::Signature(profile)) => {
                cms::signatures(contents, cms::Content::Parts(vec![parts.0, parts.1]), profile).and_then(
                    |found| {
                        let mut found: Found<'_> =
                            found.into_iter().next().ok_or(NotASignature::NoSignature)?;
                        found.format = if profile == Profile::Pades { "PAdES" } else { "PDF signature" };
                        Ok(self.kept(found))
                    },
                )
            }
            Ok(Kind::Timestamp) => Token::parse(contents).map(|token| {
                let same = token.info.imprint.algorithm().digest(&[parts.0, parts.1]) == token.info.imprint;
                let problem = (!same).then_some("the document has another digest");
                let mut found = self.kept(token.found);
                found.rules.push(unless(problem, "timestamp.imprint", "RFC 3161 2.4.2", HASH));
                found.claimed_signing_time = Some(token.info.gen_time);
                found.format = "PDF document time-stamp";
                found
            }),
        };
        read.unwrap_or_else(|error| {
            let problem = match error {
                NotASignature::Malformed(what) => what,
                NotASignature::TooMuch { .. } => "more than is judged",
                NotASignature::NoSignature | NotASignature::ContentMissing => "no signer",
            };
            rules.push(unless(Some(problem), "pdf.contents", "ISO 32000-2 12.8.3.3", FORMAT));
            unreadable("PDF signature")
        })
    }

    fn extent(&self, candidate: &Candidate<'_, 'a>) -> Extent {
        let all = self.reader.revisions.len();
        match candidate.state() {
            Some(0) if !changes::has_bytes_behind(self.reader) => Extent::Whole,
            Some(state) => Extent::Part(format!("revision {} of {all}", all - state)),
            None => Extent::Part("no revision of the file".to_owned()),
        }
    }

    /// Level, claimed time, and what the document keeps for all of its signatures.
    fn enrich(&self, candidate: &Candidate<'_, 'a>, found: &mut Found<'a>) {
        found.certificates.extend(self.dss.certificates.iter().cloned());
        found.crls.extend(self.dss.crls.iter().cloned());
        found.ocsp.extend(self.dss.ocsp.iter().cloned());
        if found.claimed_signing_time.is_none() {
            let claimed = candidate.dict.get(b"M").and_then(Object::as_text);
            found.claimed_signing_time = claimed.and_then(super::dates::parse);
        }
        let Some(state) = candidate.state() else { return };
        let mut is_archived = false;
        let mut is_stamped = found.level >= Level::T;
        let all = self.reader.revisions.len();
        // What is in the signature itself, every document time-stamp after it covers; of these, each the older ones.
        let own = found.timestamps.len();
        let later: Vec<&Stamp<'a>> =
            self.stamps.iter().filter(|stamp| stamp.coverage.state < state).collect();
        for stamp in &later {
            is_stamped = true;
            is_archived |= stamp.is_over_values;
            let (first, second) = (stamp.coverage.first, stamp.coverage.second);
            found.timestamps.push(FoundTimestamp {
                kind: TimestampKind::Archive,
                location: format!(
                    "document time-stamp over revision {} of {all}",
                    all - stamp.coverage.state
                ),
                token: Cow::Owned(stamp.token.clone()),
                covered: Covered::Parts(vec![Cow::Borrowed(first), Cow::Borrowed(second)]),
                covers: (0..own)
                    .chain(
                        (own..)
                            .zip(&later)
                            .filter(|(_, other)| other.coverage.state > stamp.coverage.state)
                            .map(|(position, _)| position),
                    )
                    .collect(),
            });
        }
        let has_values = match &found.signer {
            Signer::Certificate(der) => {
                dss::issuer_of_certificate(der).is_some_and(|issuer| self.dss.is_about(issuer))
            }
            Signer::NotFound => false,
        };
        let here = match (is_stamped, has_values, is_archived) {
            _ if found.level == Level::Plain => Level::Plain,
            (true, true, true) => Level::Lta,
            (true, true, false) => Level::Lt,
            (true, false, _) => Level::T,
            (false, ..) => Level::B,
        };
        found.level = found.level.max(here);
    }

    /// A certification must be there before every other signature (ISO 32000-2 12.8.2.2.1).
    fn certification_rule(&self, candidate: &Candidate<'_, 'a>) -> Option<Rule> {
        let state = candidate.state()?;
        let problem = match certification(self.reader, state, &candidate.dict) {
            Ok(None) => return None,
            Ok(Some(_)) => {
                let earlier = self.candidates.iter().filter_map(Candidate::state).any(|other| other > state);
                earlier.then_some("a certification that is not the first signature")
            }
            Err(_) => Some("a reference that cannot be read"),
        };
        let on_failure = (SubIndication::SigConstraintsFailure, ReasonCode::SignatureMalformed);
        Some(unless(problem, "pdf.certification", "ISO 32000-2 12.8.2.2.1", on_failure))
    }

    /// What this signature, and those before it, allow to be changed later. What cannot be read allows nothing.
    fn permissions(&self, candidate: &Candidate<'_, 'a>, coverage: &Coverage<'a>) -> Permissions {
        let mut permissions = Permissions::default();
        for other in self.candidates {
            if let Some(state) = other.state().filter(|state| *state >= coverage.state) {
                let level = certification(self.reader, state, &other.dict);
                permissions.certified(level.unwrap_or(Some(CLOSED)));
            }
        }
        let level = self.lock_level(candidate, coverage.state);
        permissions.certified(level.unwrap_or(Some(CLOSED)));
        match field_lock(self.reader, coverage.state, &candidate.dict) {
            Ok(lock) => permissions.lock = lock,
            Err(_) => permissions.certified(Some(CLOSED)),
        }
        permissions
    }

    /// The level that the lock of the signature's field sets (table 236).
    fn lock_level(&self, candidate: &Candidate<'_, 'a>, state: State) -> Result<Option<i64>> {
        let Some(field) = &candidate.field else { return Ok(None) };
        let field = self.reader.load(state, field.id)?;
        let lock = self.reader.resolve(state, field.as_dict().and_then(|field| field.get(b"Lock")))?;
        match lock.as_dict().and_then(|lock| lock.get(b"P")) {
            None => Ok(None),
            level => Ok(Some(self.reader.resolve(state, level)?.as_integer().unwrap_or(CLOSED))),
        }
    }

    /// The same without borrowing from the contents, but from the file where it did.
    fn kept(&self, found: Found<'_>) -> Found<'a> {
        super::kept::in_file(found, self.reader.file)
    }
}

fn field_problem(
    candidate: &Candidate<'_, '_>,
    fields: &BTreeMap<State, Vec<SignedField>>,
) -> Option<&'static str> {
    let Some(field) = &candidate.field else { return Some("no field of the form names this signature") };
    if !field.is_signature_field {
        return Some("the field is no signature field");
    }
    let Some(then) = candidate.state().and_then(|state| fields.get(&state)) else {
        // Which revision it would be, the byte range does not tell; that rule has failed.
        return None;
    };
    let named = then.iter().any(|f| f.id == field.id && f.value == field.value && f.is_signature_field);
    (!named).then_some("the field did not name this signature when it was made")
}

/// For people; the field's name without what deceives, and shortened.
fn location(index: usize, candidate: &Candidate<'_, '_>) -> String {
    let number = index + 1;
    match &candidate.field {
        None => format!("signature {number} (hidden from the form)"),
        Some(field) => {
            let safe = |c: &char| !c.is_control() && !musubi_kernel::deceives(*c) && *c != '"';
            let name: String = field.name.chars().filter(safe).take(64).collect();
            format!("signature {number} (field \"{name}\")")
        }
    }
}

fn unreadable(format: &'static str) -> Found<'static> {
    Found::unread(format, String::new(), Extent::Whole)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn many_signatures_of_a_large_file_are_too_much_and_a_few_are_not() {
        let of = |count: usize, length: usize| -> Vec<(State, usize)> {
            (0..count).map(|state| (count - state, length)).collect()
        };
        let large = 200 << 20;
        assert_eq!(check_work(&of(8, large), &of(3, large), large), Ok(()));
        assert!(check_work(&of(64, large), &of(32, large), large).is_err());
        assert_eq!(check_work(&of(64, 1 << 20), &of(32, 1 << 20), 1 << 20), Ok(()));
        assert_eq!(check_work(&of(1, usize::MAX), &[], usize::MAX), Ok(()));
    }
}
