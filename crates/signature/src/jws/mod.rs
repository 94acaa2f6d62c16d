//! JWS (RFC 7515), with unencoded and detached payloads (RFC 7797), and JAdES (ETSI TS 119 182-1) from B to LTA.
//!
//! Every signature of a file is found; each verifies only under the certificate that it names itself (`x5c`, or one
//! that came with it and has the protected digest). Time-stamps are found with the bytes that they must cover.
//!
//! Refused here:
//! - algorithms that are not RS256, RS384, RS512, PS256, PS384, PS512, ES256, ES384 or EdDSA: `none` and every message
//!   authentication code among them; an algorithm that is not protected, or not that of the certificate's key and curve;
//! - base64url with padding, white space, stray bits or escaped characters;
//! - a member that occurs twice, in one header or in both; a member that decides something and is not protected;
//! - `crit` that is empty or names what is unknown, absent or named twice; `b64` that is not critical, or not the same
//!   in all signatures of a file (RFC 7797 3);
//! - a certificate that is not the one of `x5t`, `x5t#S256`, `x5t#o` or `sigX5ts`;
//! - `sigD` beside a payload, by HTTP headers, by an unknown mechanism or with more than one object;
//! - `sigT` beside `iat`, or in another form than `YYYY-MM-DDThh:mm:ssZ`;
//! - `etsiU` that mixes its two forms, or holds what is not exactly one member each.
//!
//! Never looked at: `jwk`, `jku`, `x5u`, `kid`: what a signature says of its own key is no evidence. An archive
//! time-stamp over clear JSON is found but cannot be used: TS 119 182-1 5.3.6 leaves the canonical form to a negotiated
//! algorithm. Counter-signatures (`cSig`) and signature policies (`sigPId`) are reported, not judged.

mod base64;
mod content;
mod header;
mod json;
mod serialization;
mod signer;
mod unsigned;

use std::borrow::Cow;

use musubi_crypto::{EcdsaEncoding, KeyStrength, SignatureAlgorithm};
use musubi_kernel::UnixTime;
use musubi_pki::{CheckResult, Outcome, ReasonCode, SubIndication, UnverifiedCertificate};

use self::content::{Content, Part, Payload};
use self::header::{Decoded, Header};
use self::json::Json;
use self::serialization::{Entry, Form, Jws};
use self::signer::Identified;
use self::unsigned::Unsigned;
use crate::model::{Extent, Found, Level, NotASignature, Role, Rule, Signed, Signer, Value};
use crate::raw::ecdsa;

/// The largest file, in bytes.
pub const MAX_FILE_BYTES: usize = 256 << 20;
/// The longest protected header, in characters of its base64url.
pub const MAX_HEADER_BYTES: usize = 1 << 20;
/// The most signatures of one file.
pub const MAX_SIGNATURES: usize = 64;
/// The most bytes that are hashed for all signatures and archive time-stamps of one file.
pub const MAX_HASHED_BYTES: usize = 1 << 30;
/// The most bytes that are copied for them.
pub const MAX_COPIED_BYTES: usize = 256 << 20;

/// Every signature of a JWS.
///
/// # Errors
/// [`NotASignature`] if the file is none, and [`NotASignature::ContentMissing`] if its payload is detached and not
/// given.
pub fn find<'a>(file: &'a [u8], detached: Option<&'a [u8]>) -> Result<Vec<Found<'a>>, NotASignature> {
    let jws = serialization::read(file)?;
    let decoded: Vec<Decoded> = jws.signatures.iter().map(Decoded::new).collect();
    let headers: Vec<Header<'_>> = jws
        .signatures
        .iter()
        .zip(&decoded)
        .map(|(entry, decoded)| Header::new(decoded, &entry.header))
        .collect();
    let one_encoding = headers.windows(2).all(|pair| matches!(pair, [a, b] if a.b64() == b.b64()));
    let payload = Payload::new(jws.payload.as_ref(), detached);
    let mut work = Work::default();
    let mut found = Vec::with_capacity(headers.len());
    for (index, (entry, header)) in jws.signatures.iter().zip(&headers).enumerate() {
        let one = One { jws: &jws, entry, header, one_encoding, number: index + 1 };
        found.push(one.found(&payload, &mut work)?);
    }
    Ok(found)
}

/// What was spent on a file.
#[derive(Default)]
struct Work {
    hashed: usize,
    copied: usize,
}

impl Work {
    fn hash(&mut self, bytes: usize) -> Result<(), NotASignature> {
        let (what, limit) = ("bytes to hash", MAX_HASHED_BYTES);
        self.hashed = self.hashed.saturating_add(bytes);
        if self.hashed > limit { Err(NotASignature::TooMuch { what, limit }) } else { Ok(()) }
    }

    fn copy(&mut self, bytes: usize) -> Result<(), NotASignature> {
        let (what, limit) = ("bytes to copy", MAX_COPIED_BYTES);
        self.copied = self.copied.saturating_add(bytes);
        if self.copied > limit { Err(NotASignature::TooMuch { what, limit }) } else { Ok(()) }
    }
}

/// What a broken rule of the format makes of the verdict.
const MALFORMED: (SubIndication, ReasonCode) = (SubIndication::FormatFailure, ReasonCode::SignatureMalformed);

/// A rule that is kept, or why not.
fn rule(
    id: &'static str,
    citation: &'static str,
    kept: Result<(), &'static str>,
    on_failure: (SubIndication, ReasonCode),
) -> Rule {
    let result = match kept {
        Ok(()) => CheckResult::passed(id, citation),
        Err(why) => CheckResult::failed(id, citation).with("why", why),
    };
    Rule { result, on_failure }
}

/// One signature of a file.
struct One<'s, 'a> {
    jws: &'s Jws<'a>,
    entry: &'s Entry<'a>,
    header: &'s Header<'s>,
    /// Whether all signatures of the file encode the payload alike.
    one_encoding: bool,
    /// Counted from 1.
    number: usize,
}

impl<'a> One<'_, 'a> {
    fn found(&self, payload: &Payload<'_, 'a>, work: &mut Work) -> Result<Found<'a>, NotASignature> {
        let header = self.header;
        let algorithm = header.algorithm();
        let mut rules = vec![
            rule("jws.header", "RFC 7515 4, 5.2", header.shape, MALFORMED),
            self.algorithm_rule(&algorithm),
            rule("jws.critical", "RFC 7515 4.1.11, RFC 7797 6", header.critical(), MALFORMED),
        ];
        if !self.one_encoding {
            rules.push(rule(
                "jws.one_encoding",
                "RFC 7797 3",
                Err("the signatures differ in b64"),
                MALFORMED,
            ));
        }
        let content = Content::of(payload, header, work, &mut rules)?;
        let unsigned = Unsigned::read(self, &content, work, &mut rules)?;
        let signer = signer::identify(header, &unsigned.certificates, &mut rules);
        let value = self.value(algorithm, &content, work, signer.certificate.as_deref(), &mut rules)?;
        let signing_time = signing_time(header);
        if let Some(kept) = signing_time {
            rules.push(rule(
                "jades.signing_time",
                "ETSI TS 119 182-1 5.1.11, 5.2.1",
                kept.map(|_| ()),
                MALFORMED,
            ));
        }
        if header.protected.get("sigPId").is_some() {
            rules.push(policy_rule());
        }
        let claimed_signing_time = signing_time.and_then(Result::ok);
        let level = level(&signer, claimed_signing_time.is_some(), &unsigned);
        Ok(Found {
            role: Role::Signature,
            format: if level == Level::Plain { "JWS" } else { "JAdES" },
            location: self.location(),
            level,
            signer: signer.certificate.map_or(Signer::NotFound, |der| Signer::Certificate(Cow::Owned(der))),
            certificates: signer.others.into_iter().map(Cow::Owned).chain(unsigned.certificates).collect(),
            crls: unsigned.crls,
            ocsp: unsigned.ocsp,
            value,
            digests: content.digest_algorithm().into_iter().collect(),
            rules,
            claimed_signing_time,
            timestamps: unsigned.timestamps,
            extent: self.extent(&content),
        })
    }

    fn location(&self) -> String {
        match self.jws.form {
            Form::Compact => "the compact JWS".to_owned(),
            Form::Flattened => "the JWS".to_owned(),
            Form::General => format!("signature {} of {}", self.number, self.jws.signatures.len()),
        }
    }

    fn extent(&self, content: &Content<'_>) -> Extent {
        match content {
            Content::Attached(_) if self.jws.other_members => {
                Extent::Part("the payload; other members of the file are not signed".to_owned())
            }
            Content::Attached(_) => Extent::Whole,
            Content::Detached(_) | Content::ByDigest(..) | Content::Unknown => Extent::Detached,
        }
    }

    fn algorithm_rule(&self, algorithm: &Result<SignatureAlgorithm, String>) -> Rule {
        let why = match self.header.protected.text("alg") {
            Some("none") => "an unsecured JWS is no signature",
            Some(name) if name.starts_with("HS") => "a message authentication code is no signature",
            _ => "the algorithm is not accepted",
        };
        let kept = if algorithm.is_ok() { Ok(()) } else { Err(why) };
        rule("jws.algorithm", "RFC 7518 3.1, RFC 8725 3.1", kept, MALFORMED)
    }

    /// The value and what it signs (RFC 7515 5.2 step 8, RFC 7797 3).
    fn value(
        &self,
        algorithm: Result<SignatureAlgorithm, String>,
        content: &Content<'a>,
        work: &mut Work,
        certificate: Option<&[u8]>,
        rules: &mut Vec<Rule>,
    ) -> Result<Value<'a>, NotASignature> {
        let bytes = base64::from_url(self.entry.signature);
        let kept = match &bytes {
            None => Err("the value is not base64url"),
            Some(bytes) if bytes.is_empty() => Err("there is no value"),
            Some(_) => Ok(()),
        };
        rules.push(rule("jws.signature_value", "RFC 7515 5.2", kept, MALFORMED));
        let signature = bytes.unwrap_or_default();
        if let (Ok(algorithm), Some(der)) = (&algorithm, certificate) {
            rules.push(key_rule(*algorithm, der, signature.len()));
        }
        let parts = content.signing_input(self.entry.protected, self.header.b64());
        let fixed = EcdsaEncoding::Fixed;
        let (signed, signature, encoding) = match (&algorithm, self.entry.signing_input, content) {
            (Err(_), ..) | (_, _, Content::Unknown) => (Signed::Bytes(Cow::Borrowed(&[])), signature, fixed),
            (Ok(_), Some(input), Content::Attached(_)) => {
                (Signed::Bytes(Cow::Borrowed(input.as_bytes())), signature, fixed)
            }
            (Ok(algorithm), ..) => match algorithm.digest() {
                None => {
                    work.copy(Part::length(&parts))?;
                    (Signed::Bytes(Cow::Owned(Part::join(&parts))), signature, fixed)
                }
                Some(digest) => {
                    work.hash(Part::length(&parts))?;
                    let signed = Signed::Digest(Part::digest(&parts, digest));
                    if is_ecdsa(*algorithm) {
                        // Over a digest, ECDSA is verified in DER: the two numbers are the same.
                        (signed, ecdsa::der_of_fixed(&signature).unwrap_or_default(), EcdsaEncoding::Der)
                    } else {
                        (signed, signature, fixed)
                    }
                }
            },
        };
        Ok(Value { algorithm, encoding, signed, signature: Cow::Owned(signature) })
    }
}

fn is_ecdsa(algorithm: SignatureAlgorithm) -> bool {
    use SignatureAlgorithm as A;
    matches!(algorithm, A::EcdsaSha256 | A::EcdsaSha384 | A::EcdsaSha512)
}

/// The key's kind, curve and the length of its values (RFC 7518 3.3 to 3.5, RFC 8037 3.1). Broken also where the key is
/// of no known kind: nothing could be verified with it.
fn key_rule(algorithm: SignatureAlgorithm, der: &[u8], length: usize) -> Rule {
    let strength =
        UnverifiedCertificate::parse(der).ok().and_then(|c| c.public_key().ok().map(|key| key.strength()));
    let kept = match (algorithm, strength) {
        (SignatureAlgorithm::EcdsaSha256, Some(KeyStrength::EcP256)) => length == 64,
        (SignatureAlgorithm::EcdsaSha384, Some(KeyStrength::EcP384)) => length == 96,
        (SignatureAlgorithm::Ed25519, Some(KeyStrength::Ed25519)) => length == 64,
        (_, Some(key @ KeyStrength::Rsa { bits, .. })) => {
            crate::raw::belongs(algorithm, key) && u32::try_from(length).is_ok_and(|l| l == bits.div_ceil(8))
        }
        _ => false,
    };
    let kept = if kept { Ok(()) } else { Err("the algorithm or the value's length is not that of the key") };
    rule("jws.algorithm_of_key", "RFC 7518 3.3 to 3.5, RFC 8037 3.1", kept, MALFORMED)
}

/// A policy that the signer names is not at hand (EN 319 102-1 5.2.4); nobody may conclude that it was kept.
/// A signature policy of the signer's is named and not processed: what counts is the verifier's own policy (EN 319 102-1
/// 5.1.4).
fn policy_rule() -> Rule {
    Rule {
        result: CheckResult::new("jades.signature_policy", "ETSI TS 119 182-1 5.2.7", Outcome::Skipped)
            .with("policy", "explicit, not processed"),
        on_failure: (SubIndication::SignaturePolicyNotAvailable, ReasonCode::SignatureMalformed),
    }
}

/// `iat` (TS 119 182-1 5.1.11) or `sigT` (5.2.1); `None` if there is neither.
fn signing_time(header: &Header<'_>) -> Option<Result<UnixTime, &'static str>> {
    match (header.protected.get("iat"), header.protected.get("sigT")) {
        (None, None) => None,
        (Some(_), Some(_)) => Some(Err("both iat and sigT")),
        (Some(Json::Integer(seconds)), None) if *seconds >= 0 => Some(Ok(UnixTime(*seconds))),
        (Some(_), None) => Some(Err("iat is not a whole number of seconds")),
        (None, Some(text)) => {
            // The length of YYYY-MM-DDThh:mm:ssZ: no fraction, no other offset.
            let text = text.text().filter(|t| t.len() == 20 && t.ends_with('Z'));
            let time = text.and_then(|t| UnixTime::parse_rfc3339(t).ok());
            Some(time.ok_or("sigT is not of the form YYYY-MM-DDThh:mm:ssZ"))
        }
    }
}

/// The level by what is present (TS 119 182-1 6.3): B needs a signing time and exactly one protected reference to the
/// signing certificate.
fn level(signer: &Identified, has_signing_time: bool, unsigned: &Unsigned<'_>) -> Level {
    if signer.references != 1 || !has_signing_time {
        return Level::Plain;
    }
    match (unsigned.has_signature_timestamp, unsigned.has_values, unsigned.has_archive_timestamp) {
        (true, true, true) => Level::Lta,
        (true, true, false) => Level::Lt,
        (true, false, _) => Level::T,
        (false, ..) => Level::B,
    }
}
