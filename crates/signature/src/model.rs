//! What a format finds in a document: the common shape of every signature, before its certificate is judged.

use std::borrow::Cow;

use musubi_crypto::{DigestAlgorithm, EcdsaEncoding, SignatureAlgorithm};
use musubi_kernel::UnixTime;
use musubi_pki::{CheckResult, ReasonCode, SubIndication};

/// Bytes that are no document of this format, or one that is not judged. Not a verdict: nothing was found to judge.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NotASignature {
    /// Not of this format, or malformed. The text says where, without content of the document.
    #[error("malformed: {0}")]
    Malformed(&'static str),
    /// Of this format, but it has no signature.
    #[error("the document has no signature")]
    NoSignature,
    /// Larger, deeper or more numerous than what is judged.
    #[error("beyond the limit: {what} (at most {limit})")]
    TooMuch {
        /// What there is too much of.
        what: &'static str,
        /// The limit.
        limit: usize,
    },
    /// The signed content is not in the file and was not given beside it.
    #[error("the signed content is not in the file; give it beside the signature")]
    ContentMissing,
}

/// How much of the AdES levels (EN 319 122-1, 132-1, 142-1) is there, by the attributes that are present.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Level {
    /// A signature of the plain format, without the signed reference to the signing certificate.
    Plain,
    /// Baseline-B: signed attributes name the signing certificate.
    B,
    /// Baseline-T: a signature time-stamp.
    T,
    /// Baseline-LT: certificates and revocation data for the long term.
    Lt,
    /// Baseline-LTA: an archive or document time-stamp over those.
    Lta,
}

impl Level {
    /// `plain`, `B`, `T`, `LT` or `LTA`.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Plain => "plain",
            Self::B => "B",
            Self::T => "T",
            Self::Lt => "LT",
            Self::Lta => "LTA",
        }
    }
}

/// A rule of the format, what it came to, and what the verdict becomes where it is broken.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rule {
    /// The check.
    pub result: CheckResult,
    /// The conclusion if the check failed or does not tell.
    pub on_failure: (SubIndication, ReasonCode),
}

/// Who says to have signed.
#[derive(Debug, Clone)]
pub enum Signer<'a> {
    /// This certificate (DER), as identified by what the signature itself protects or by its signer identifier.
    Certificate(Cow<'a, [u8]>),
    /// The signature names a certificate that is not among those at hand, or none at all.
    NotFound,
}

/// What was signed.
#[derive(Debug, Clone)]
pub enum Signed<'a> {
    /// The bytes that the signature algorithm hashes and signs, in order.
    Bytes(Cow<'a, [u8]>),
    /// Their digest. Not for Ed25519.
    Digest(musubi_crypto::Digest),
    /// A SHA-256 digest that was padded without a `DigestInfo`: one channel's habit, behind its own flag only.
    BareDigest([u8; 32]),
}

/// The signature value.
#[derive(Debug, Clone)]
pub struct Value<'a> {
    /// The algorithm, or the name or identifier of one that is not in the table.
    pub algorithm: Result<SignatureAlgorithm, String>,
    /// How an ECDSA value is written.
    pub encoding: EcdsaEncoding,
    /// What was signed.
    pub signed: Signed<'a>,
    /// The signature value.
    pub signature: Cow<'a, [u8]>,
}

/// What a time-stamp says to cover.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum TimestampKind {
    /// The signed content, made before the signature.
    Content,
    /// The signature value.
    Signature,
    /// The signature, its certificates and revocation data (archive-time-stamp-v3, `ArchiveTimeStamp`, a document
    /// time-stamp). Proves the existence of all that stands inside of it.
    Archive,
    /// Of a kind that proves nothing here (deprecated, or only over references); it is judged and reported.
    Other,
}

/// The bytes whose digest a time-stamp must have.
#[derive(Debug, Clone)]
pub enum Covered<'a> {
    /// These, one after the other.
    Parts(Vec<Cow<'a, [u8]>>),
    /// It cannot be told what it covers.
    Unusable(&'static str),
}

/// A time-stamp that was found with a signature.
#[derive(Debug, Clone)]
pub struct FoundTimestamp<'a> {
    /// What it says to cover.
    pub kind: TimestampKind,
    /// Where it stands, for people.
    pub location: String,
    /// The `TimeStampToken`, DER (or BER) of its `ContentInfo`.
    pub token: Cow<'a, [u8]>,
    /// What its imprint must be the digest of.
    pub covered: Covered<'a>,
    /// The other time-stamps of this signature, by position, that are among what it covers: their existence is proven
    /// by it too. The order of time-stamps follows from this alone, never from the times that they state.
    pub covers: Vec<usize>,
}

/// How much of the file a signature protects.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Extent {
    /// All of it but the signature.
    Whole,
    /// The signed content, which is another file.
    Detached,
    /// A part; the text says which, for people.
    Part(String),
}

impl std::fmt::Display for Extent {
    /// For people.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Whole => f.write_str("the whole file"),
            Self::Detached => f.write_str("the given content"),
            Self::Part(which) => f.write_str(which),
        }
    }
}

/// What a signature is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Role {
    /// It signs the document, or a part of it.
    Signature,
    /// It signs another signature. Judged and reported; it decides nothing about the document, since anyone can add one.
    CounterSignature,
    /// It is a time-stamp that stands by itself, and states this time.
    TimeStamp {
        /// `genTime`.
        at: UnixTime,
    },
}

/// One signature of a document.
#[derive(Debug, Clone)]
pub struct Found<'a> {
    /// What it is for.
    pub role: Role,
    /// The format as people call it: `CMS`, `CAdES`, `XML signature`, `XAdES`, `PDF signature`, `PAdES`, `JWS`, `JAdES`.
    pub format: &'static str,
    /// Where it stands in the document, for people.
    pub location: String,
    /// The level, by what is present.
    pub level: Level,
    /// Who says to have signed.
    pub signer: Signer<'a>,
    /// Certificates that came with it (DER).
    pub certificates: Vec<Cow<'a, [u8]>>,
    /// Revocation lists that came with it (DER).
    pub crls: Vec<Cow<'a, [u8]>>,
    /// OCSP responses that came with it (DER).
    pub ocsp: Vec<Cow<'a, [u8]>>,
    /// The value.
    pub value: Value<'a>,
    /// The digest algorithms with which the signature protects what it covers (message digest, references); each
    /// must be strong enough.
    pub digests: Vec<DigestAlgorithm>,
    /// The rules of the format, in order, the broken ones included.
    pub rules: Vec<Rule>,
    /// When the signer says to have signed. Nobody vouches for it.
    pub claimed_signing_time: Option<UnixTime>,
    /// Time-stamps, in the order of the document.
    pub timestamps: Vec<FoundTimestamp<'a>>,
    /// How much of the file it protects.
    pub extent: Extent,
}

impl<'a> Found<'a> {
    /// A signature of which nothing has been read yet, or can be: without signer and value it never passes.
    pub(crate) fn unread(format: &'static str, location: String, extent: Extent) -> Self {
        Self {
            role: Role::Signature,
            format,
            location,
            level: Level::Plain,
            signer: Signer::NotFound,
            certificates: Vec::new(),
            crls: Vec::new(),
            ocsp: Vec::new(),
            value: Value {
                algorithm: Err("unreadable".to_owned()),
                encoding: EcdsaEncoding::Der,
                signed: Signed::Bytes(Cow::Borrowed(&[])),
                signature: Cow::Borrowed(&[]),
            },
            digests: Vec::new(),
            rules: Vec::new(),
            claimed_signing_time: None,
            timestamps: Vec::new(),
            extent,
        }
    }

    /// The same, each run of bytes that it borrows or owns replaced by what `keep` makes of it.
    pub(crate) fn with_bytes<'b>(self, keep: impl Fn(Cow<'a, [u8]>) -> Cow<'b, [u8]>) -> Found<'b> {
        let all = |list: Vec<Cow<'a, [u8]>>| list.into_iter().map(&keep).collect();
        let stamp = |stamp: FoundTimestamp<'a>| FoundTimestamp {
            kind: stamp.kind,
            location: stamp.location,
            token: keep(stamp.token),
            covered: match stamp.covered {
                Covered::Parts(parts) => Covered::Parts(all(parts)),
                Covered::Unusable(why) => Covered::Unusable(why),
            },
            covers: stamp.covers,
        };
        Found {
            role: self.role,
            format: self.format,
            location: self.location,
            level: self.level,
            signer: match self.signer {
                Signer::Certificate(der) => Signer::Certificate(keep(der)),
                Signer::NotFound => Signer::NotFound,
            },
            certificates: all(self.certificates),
            crls: all(self.crls),
            ocsp: all(self.ocsp),
            value: Value {
                algorithm: self.value.algorithm,
                encoding: self.value.encoding,
                signed: match self.value.signed {
                    Signed::Bytes(bytes) => Signed::Bytes(keep(bytes)),
                    Signed::Digest(digest) => Signed::Digest(digest),
                    Signed::BareDigest(digest) => Signed::BareDigest(digest),
                },
                signature: keep(self.value.signature),
            },
            digests: self.digests,
            rules: self.rules,
            claimed_signing_time: self.claimed_signing_time,
            timestamps: self.timestamps.into_iter().map(stamp).collect(),
            extent: self.extent,
        }
    }
}
