//! One signer of a message, by the rules of RFC 5652 5.3 to 5.6 and EN 319 122-1: what is signed, by whom, with which
//! attributes. A counter-signature (RFC 5652 11.4) is a signer whose content is a signature value.

use std::borrow::Cow;

use musubi_crypto::{DigestAlgorithm, EcdsaEncoding, SignatureAlgorithm};
use musubi_kernel::UnixTime;
use musubi_pki::asn1::{self, Element, Elements, Malformed};
use musubi_pki::{CheckResult, ReasonCode, SubIndication};

use super::algorithms::{self, Algorithms};
use super::attribute_values::Values;
use super::ber::{Node, Work};
use super::rules::{FORMAT, HASH, Rule, SUBSTITUTED, WEAK, broken, unless};
use super::signed_data::{MAX_SIGNERS, SignedContent, SignedData};
use super::signer_info::{
    MAX_SIGNED_ATTRIBUTE_BYTES, SignedAttributes, SignerId, SignerInfo, UnsignedValue, unsigned_values,
};
use super::signing_certificate::{Candidate, identify};
use super::time_stamps::{Counts, Stamped};
use super::{Profile, oid};
use crate::model::{
    Covered, Extent, Found, FoundTimestamp, Level, NotASignature, Role, Signed, Signer, TimestampKind, Value,
};

/// Counter-signatures of counter-signatures.
const MAX_COUNTER_SIGNATURE_DEPTH: usize = 4;
/// Content in pieces that is joined where an algorithm needs it whole.
const MAX_JOINED_BYTES: usize = MAX_SIGNED_ATTRIBUTE_BYTES;

/// A message and its content.
pub(super) struct Message<'m, 'a> {
    data: &'m SignedData<'a>,
    content: SignedContent<'a>,
    is_detached: bool,
    profile: Profile,
    work: &'m Work,
    values: Values<'a>,
    values_are_readable: bool,
    counts: Counts,
}

/// What a signer signs, and where it stands.
struct Place<'c, 'a> {
    content: &'c SignedContent<'a>,
    location: String,
    /// 0 for a signer of the message, from 1 for counter-signatures.
    depth: usize,
    extent: Extent,
}

impl Place<'_, '_> {
    fn role(&self) -> Role {
        if self.depth == 0 { Role::Signature } else { Role::CounterSignature }
    }
}

impl<'m, 'a> Message<'m, 'a> {
    pub(super) fn new(
        data: &'m SignedData<'a>,
        content: SignedContent<'a>,
        is_detached: bool,
        profile: Profile,
        work: &'m Work,
    ) -> Self {
        let mut values = Values::default();
        values.add_certificates(&data.certificates);
        let values_are_readable = values.add_revocation(&data.revocation, work).is_ok();
        Self {
            data,
            content,
            is_detached,
            profile,
            work,
            values,
            values_are_readable,
            counts: Counts::default(),
        }
    }

    /// Every signer, each followed by its counter-signers.
    pub(super) fn signatures(&self) -> Result<Vec<Found<'a>>, NotASignature> {
        let mut found = Vec::new();
        for (number, signer) in (1_usize..).zip(&self.data.signers) {
            let place = Place {
                content: &self.content,
                location: format!("signer {number}"),
                depth: 0,
                extent: if self.is_detached { Extent::Detached } else { Extent::Whole },
            };
            self.add(*signer, place, &mut found)?;
        }
        Ok(found)
    }

    fn add(
        &self,
        node: Node<'a>,
        place: Place<'_, 'a>,
        found: &mut Vec<Found<'a>>,
    ) -> Result<(), NotASignature> {
        if found.len() >= MAX_SIGNERS {
            return Err(NotASignature::TooMuch { what: "signers and counter-signers", limit: MAX_SIGNERS });
        }
        let info = match SignerInfo::parse(node, self.work) {
            Ok(info) => info,
            Err(error @ NotASignature::TooMuch { .. }) => return Err(error),
            Err(_) => {
                found.push(self.unreadable(&place));
                return Ok(());
            }
        };
        let (signature, unsigned) = self.signature(&info, &place)?;
        found.push(signature);
        if self.profile == Profile::Timestamp {
            return Ok(());
        }
        let counter_signatures = unsigned.iter().filter(|v| v.id == oid::COUNTER_SIGNATURE);
        for (number, counter) in (1_usize..).zip(counter_signatures) {
            if place.depth == MAX_COUNTER_SIGNATURE_DEPTH {
                let limit = MAX_COUNTER_SIGNATURE_DEPTH;
                return Err(NotASignature::TooMuch { what: "levels of counter-signatures", limit });
            }
            let content = SignedContent::new(vec![info.signature]);
            let inner = Place {
                content: &content,
                location: format!("{}, counter-signature {number}", place.location),
                depth: place.depth + 1,
                extent: Extent::Part(format!("the signature value of {}", place.location)),
            };
            self.add(counter.value, inner, found)?;
        }
        Ok(())
    }

    /// A signer of whom nothing can be read but that there is one.
    fn unreadable(&self, place: &Place<'_, 'a>) -> Found<'a> {
        let rule = unless(Some("malformed"), "cms.signer_info", "RFC 5652 5.3", FORMAT);
        Found {
            role: place.role(),
            certificates: borrowed(&self.values.certificates),
            crls: borrowed(&self.values.crls),
            ocsp: borrowed(&self.values.ocsp),
            rules: vec![rule],
            ..Found::unread(self.format(false), place.location.clone(), place.extent.clone())
        }
    }

    fn format(&self, is_referenced: bool) -> &'static str {
        match self.profile {
            Profile::Timestamp => "RFC 3161 time-stamp",
            _ if is_referenced => "CAdES",
            _ => "CMS",
        }
    }

    fn signature(
        &self,
        info: &SignerInfo<'a>,
        place: &Place<'_, 'a>,
    ) -> Result<(Found<'a>, Vec<UnsignedValue<'a>>), NotASignature> {
        let mut rules = self.container_rules(place);
        rules.push(version(info));
        let (algorithms, rule) = algorithms::read(info);
        rules.push(rule);
        let (attributes, rule) = self.signed_attributes(info, place);
        rules.push(rule);
        match &attributes {
            Some(attributes) => {
                rules.push(self.content_type(attributes, place));
                rules.push(message_digest(attributes, &algorithms, place.content));
                let protection = attributes.one(oid::ALGORITHM_PROTECTION);
                rules.extend(protection.map(|value| algorithms::check_protection(info, value)));
            }
            None if info.signed_attributes.is_none() => rules.push(content_is_no_attributes(place.content)),
            None => {}
        }
        let (unsigned, rule) = self.unsigned_attributes(info)?;
        rules.extend(rule);
        let values = self.values_of(attributes.as_ref(), &unsigned, &mut rules);
        let candidates: Vec<Candidate<'a>> =
            values.certificates.iter().copied().map(Candidate::new).collect();
        let identified = identify(info.id, attributes.as_ref(), &candidates, self.profile);
        rules.extend(identified.rules);
        let timestamps = self.timestamps(info, attributes.as_ref(), &unsigned, place)?;
        let has_values = !self.data.revocation.is_empty()
            || unsigned.iter().any(|v| [oid::CERTIFICATE_VALUES, oid::REVOCATION_VALUES].contains(&v.id));
        let (signed, rule) = what_is_signed(info, &algorithms, place.content);
        rules.extend(rule);
        let found = Found {
            role: place.role(),
            format: self.format(identified.is_referenced),
            location: place.location.clone(),
            level: level(identified.is_referenced, has_values, &timestamps),
            signer: identified
                .certificate
                .map_or(Signer::NotFound, |der| Signer::Certificate(Cow::Borrowed(der))),
            certificates: borrowed(&values.certificates),
            crls: borrowed(&values.crls),
            ocsp: borrowed(&values.ocsp),
            value: Value {
                algorithm: algorithms.signature,
                encoding: EcdsaEncoding::Der,
                signed,
                signature: Cow::Borrowed(info.signature),
            },
            digests: algorithms.digest.into_iter().collect(),
            rules,
            claimed_signing_time: attributes.as_ref().and_then(signing_time),
            timestamps,
            extent: place.extent.clone(),
        };
        Ok((found, unsigned))
    }

    /// The time-stamps of a signer; of a time-stamp there are none.
    fn timestamps(
        &self,
        info: &SignerInfo<'a>,
        attributes: Option<&SignedAttributes<'a>>,
        unsigned: &[UnsignedValue<'a>],
        place: &Place<'_, 'a>,
    ) -> Result<Vec<FoundTimestamp<'a>>, NotASignature> {
        if self.profile == Profile::Timestamp {
            return Ok(Vec::new());
        }
        let stamped = Stamped { data: self.data, content: place.content, signer: info, attributes, unsigned };
        stamped.time_stamps(&place.location, &self.counts, self.work)
    }

    /// What the use of the message asks of the message as a whole.
    fn container_rules(&self, place: &Place<'_, 'a>) -> Vec<Rule> {
        let mut rules = Vec::new();
        if place.depth > 0 {
            return rules;
        }
        let citation = match self.profile {
            Profile::Cms => {
                if let (true, Some(inside)) = (self.is_detached, &self.data.content) {
                    let same = SignedContent::new(inside.clone()).equals(&self.content);
                    let problem = (!same).then_some("the content inside is not the one that was given");
                    rules.push(unless(problem, "cms.content", "RFC 5652 5.2", HASH));
                }
                return rules;
            }
            Profile::Pdf | Profile::Pades => {
                let problem = self.data.content.is_some().then_some("there is content inside");
                rules.push(unless(problem, "cms.detached", "ISO 32000-2 12.8.3.3", FORMAT));
                "ISO 32000-2 12.8.3.3"
            }
            Profile::Timestamp => "RFC 3161 2.4.2",
        };
        let problem = (self.data.signers.len() != 1).then_some("several signers");
        rules.push(unless(problem, "cms.one_signer", citation, FORMAT));
        rules
    }

    /// The signed attributes, if they are there and well-formed (RFC 5652 5.3).
    fn signed_attributes(
        &self,
        info: &SignerInfo<'a>,
        place: &Place<'_, 'a>,
    ) -> (Option<SignedAttributes<'a>>, Rule) {
        let (id, citation) = ("cms.signed_attributes", "RFC 5652 5.3");
        let Some(set) = info.signed_attributes else {
            let is_needed =
                place.depth == 0 && (self.profile != Profile::Cms || self.data.content_type != oid::DATA);
            return (None, unless(is_needed.then_some("absent"), id, citation, FORMAT));
        };
        let parsed = if set.raw.len() > MAX_SIGNED_ATTRIBUTE_BYTES {
            Err("too large")
        } else if asn1::whole(set.raw, Elements::any).is_err() {
            Err("not DER")
        } else {
            SignedAttributes::parse(set.content)
        };
        let problem = parsed.as_ref().err().copied();
        (parsed.ok(), unless(problem, id, citation, FORMAT))
    }

    /// The content-type attribute: the message's, and none in a counter-signature (RFC 5652 11.1, 11.4).
    fn content_type(&self, attributes: &SignedAttributes<'a>, place: &Place<'_, 'a>) -> Rule {
        let value = attributes.one(oid::CONTENT_TYPE);
        let is_counter_signature = place.depth > 0;
        let problem = match value.map(|v| asn1::whole(v.raw, Elements::oid)) {
            None if is_counter_signature => None,
            None => Some("absent"),
            Some(_) if is_counter_signature => Some("a counter-signature has no content type"),
            // EN 319 142-1 6.3: what a PDF signature is over has no type of its own.
            Some(Ok(id)) if self.profile.is_of_pdf() && id != oid::DATA => Some("not id-data"),
            Some(Ok(id)) if id == self.data.content_type => None,
            Some(Ok(_)) => Some("another type than the content's"),
            Some(Err(Malformed)) => Some("malformed"),
        };
        unless(problem, "cms.content_type", "RFC 5652 11.1", FORMAT)
    }

    fn unsigned_attributes(
        &self,
        info: &SignerInfo<'a>,
    ) -> Result<(Vec<UnsignedValue<'a>>, Option<Rule>), NotASignature> {
        let Some(attributes) = info.unsigned_attributes else { return Ok((Vec::new(), None)) };
        match unsigned_values(attributes, self.work) {
            Ok(values) => Ok((values, None)),
            Err(error @ NotASignature::TooMuch { .. }) => Err(error),
            Err(_) => {
                let problem = Some("malformed");
                Ok((Vec::new(), Some(unless(problem, "cms.unsigned_attributes", "RFC 5652 5.3", FORMAT))))
            }
        }
    }

    /// Certificates and revocation data of the message and of this signer.
    fn values_of(
        &self,
        attributes: Option<&SignedAttributes<'a>>,
        unsigned: &[UnsignedValue<'a>],
        rules: &mut Vec<Rule>,
    ) -> Values<'a> {
        let mut values = self.values.clone();
        let archival = attributes.into_iter().flat_map(|a| a.all(oid::ADBE_REVOCATION_INFO));
        let archival = archival.map(|value| (oid::REVOCATION_VALUES, node(value)));
        let are_readable = self.values_are_readable
            && archival.chain(unsigned.iter().map(|v| (v.id, v.value))).all(|(id, value)| match id {
                oid::CERTIFICATE_VALUES => values.add_certificate_values(value, self.work).is_ok(),
                oid::REVOCATION_VALUES => values.add_revocation_values(value, self.work).is_ok(),
                _ => true,
            });
        if !are_readable {
            let citation = "EN 319 122-1 A.1, RFC 5652 10.2";
            rules.push(unless(Some("malformed"), "cms.validation_data", citation, FORMAT));
        }
        values
    }
}

pub(super) fn borrowed<'a>(list: &[&'a [u8]]) -> Vec<Cow<'a, [u8]>> {
    list.iter().copied().map(Cow::Borrowed).collect()
}

/// A DER element as a node of the shell; only sequences are asked for.
fn node(element: Element<'_>) -> Node<'_> {
    let tag = element.raw.first().copied().unwrap_or_default();
    Node { tag, content: element.value, raw: element.raw }
}

/// Version 1 goes with issuer and serial number, 3 with a key identifier (RFC 5652 5.3).
fn version(info: &SignerInfo<'_>) -> Rule {
    let right = matches!(
        (info.id, info.version),
        (SignerId::IssuerAndSerial { .. }, 1) | (SignerId::KeyIdentifier(_), 3)
    );
    let problem = (!right).then_some("the version does not go with the signer identifier");
    unless(problem, "cms.signer_info", "RFC 5652 5.3", FORMAT)
}

/// The message-digest attribute is the content's digest (RFC 5652 5.6, 11.2).
fn message_digest(
    attributes: &SignedAttributes<'_>,
    algorithms: &Algorithms,
    content: &SignedContent<'_>,
) -> Rule {
    let (id, citation) = ("cms.message_digest", "RFC 5652 5.6, 11.2");
    let Some(value) = attributes.one(oid::MESSAGE_DIGEST) else {
        return unless(Some("absent"), id, citation, FORMAT);
    };
    let Ok(octets) = asn1::whole(value.raw, |v| v.element(der::Tag::OctetString)) else {
        return unless(Some("malformed"), id, citation, FORMAT);
    };
    let Ok(algorithm) = algorithms.digest else {
        return unless(Some("the digest algorithm is not known"), id, citation, WEAK);
    };
    let same = content.digest(algorithm).as_ref() == octets.value;
    unless((!same).then_some("the content has another digest"), id, citation, HASH)
}

/// Content that could be the signed attributes of another signature, where there are none.
fn content_is_no_attributes(content: &SignedContent<'_>) -> Rule {
    let starts_as_set = content.pieces().iter().flat_map(|p| p.iter()).next() == Some(&0x31);
    let reads_as_attributes = starts_as_set
        && joined(content).is_some_and(|bytes| {
            asn1::whole(&bytes, |outer| {
                outer.inside(der::Tag::Set, |set| {
                    if set.is_empty() {
                        return Err(Malformed);
                    }
                    set.each(|set| {
                        set.inside(der::Tag::Sequence, |attribute| {
                            attribute.oid()?;
                            attribute.element(der::Tag::Set).map(drop)
                        })
                    })
                })
            })
            .is_ok()
        });
    let problem = reads_as_attributes.then_some("the content reads as signed attributes");
    let citation = "RFC 5652 5.4, draft-ietf-lamps-cms-euf-cma-signeddata";
    unless(problem, "cms.content_is_no_attributes", citation, SUBSTITUTED)
}

/// The content in one piece; `None` if it is in several that are too much to join.
fn joined<'a>(content: &SignedContent<'a>) -> Option<Cow<'a, [u8]>> {
    match content.pieces() {
        [] => Some(Cow::Borrowed(&[])),
        [one] => Some(Cow::Borrowed(one)),
        pieces if content.length() <= MAX_JOINED_BYTES => Some(Cow::Owned(pieces.concat())),
        _ => None,
    }
}

/// The bytes that the signature algorithm takes (RFC 5652 5.4): the signed attributes as they came, under the tag of
/// a SET; or the content.
fn what_is_signed<'a>(
    info: &SignerInfo<'a>,
    algorithms: &Algorithms,
    content: &SignedContent<'a>,
) -> (Signed<'a>, Option<Rule>) {
    let nothing = || Signed::Bytes(Cow::Borrowed(&[][..]));
    if let Some(set) = info.signed_attributes {
        // Larger ones have broken their rule.
        let Some(rest) = set.raw.get(1..).filter(|_| set.raw.len() <= MAX_SIGNED_ATTRIBUTE_BYTES) else {
            return (nothing(), None);
        };
        return (Signed::Bytes(Cow::Owned([&[0x31], rest].concat())), None);
    }
    match &algorithms.signature {
        Err(_) => (nothing(), None),
        Ok(SignatureAlgorithm::Ed25519) => match joined(content) {
            Some(bytes) => (Signed::Bytes(bytes), None),
            None => {
                let failed =
                    CheckResult::failed("cms.content", "RFC 8419 3").with("problem", "too large in pieces");
                let rule = broken(failed, (SubIndication::FormatFailure, ReasonCode::TooComplex));
                (nothing(), Some(rule))
            }
        },
        Ok(algorithm) => {
            let digest = algorithm.digest().unwrap_or(DigestAlgorithm::Sha256);
            (Signed::Digest(content.digest(digest)), None)
        }
    }
}

/// The claimed time (RFC 5652 11.3); one that cannot be read is none.
fn signing_time(attributes: &SignedAttributes<'_>) -> Option<UnixTime> {
    asn1::whole(attributes.one(oid::SIGNING_TIME)?.raw, Elements::time).ok()
}

fn level(is_referenced: bool, has_values: bool, timestamps: &[FoundTimestamp<'_>]) -> Level {
    let has = |kind| timestamps.iter().any(|stamp| stamp.kind == kind);
    let is_archived = timestamps
        .iter()
        .any(|stamp| stamp.kind == TimestampKind::Archive && matches!(stamp.covered, Covered::Parts(_)));
    match (is_referenced, has(TimestampKind::Signature), has_values) {
        (false, ..) => Level::Plain,
        _ if is_archived => Level::Lta,
        (_, true, true) => Level::Lt,
        (_, true, false) => Level::T,
        (_, false, _) => Level::B,
    }
}
