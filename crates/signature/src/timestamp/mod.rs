//! Time-stamps (RFC 3161, RFC 5816): tokens, and responses as files. A token is a CMS whose content is a
//! [`TstInfo`]; its signature is a [`Found`] like any other. Judges neither the authority's certificate nor its
//! purpose, and proves nothing before the process has.
//!
//! Refused, by a rule that fails:
//!
//! - several signers (2.4.2); no signed reference to the authority's certificate, or one to another certificate
//!   (2.4.1). A reference by SHA-1 (`ESSCertID`, which RFC 3161 knew alone) is accepted: it tells the certificate
//!   from others and is no proof of its own (RFC 5816 2.2.1 keeps it for compatibility);
//! - a `TSTInfo` of another version than 1, with a critical extension (none is known), or that names another
//!   authority than the certificate does;
//! - over a document: an imprint that is not the document's digest;
//! - all that [`cms`] refuses.
//!
//! Refused as a whole: a response without a token, an imprint whose algorithm is not in the table, a `TSTInfo` that
//! is not DER.

mod tst_info;

use std::borrow::Cow;

use musubi_pki::CheckResult;

pub use tst_info::TstInfo;

use crate::cms::ber::{Nodes, Work};
use crate::cms::rules::{FORMAT, HASH, NO_CERTIFICATE, Rule, kept, unless};
use crate::cms::signed_data::SignedData;
use crate::cms::{self, Candidate, Content, Profile, oid};
use crate::model::{Extent, Found, NotASignature, Role, Signer};

/// Bytes of a `TSTInfo`.
const MAX_INFO_BYTES: usize = 64 << 10;

/// A time-stamp token.
#[derive(Debug, Clone)]
pub struct Token<'a> {
    /// The authority's signature over `info`.
    pub found: Found<'a>,
    /// What it says.
    pub info: TstInfo,
}

impl<'a> Token<'a> {
    /// Reads a `TimeStampToken`, all of it, DER or BER.
    ///
    /// # Errors
    /// [`NotASignature`] if it is none, or says nothing that could be judged.
    pub fn parse(token: &'a [u8]) -> Result<Self, NotASignature> {
        let work = Work::new();
        let data = SignedData::parse(token, &work)?;
        if data.content_type != oid::TST_INFO {
            return Err(NotASignature::Malformed("not a time-stamp token"));
        }
        let content = match data.content.as_deref() {
            None => return Err(NotASignature::Malformed("a time-stamp token without TSTInfo")),
            Some([one]) => Cow::Borrowed(*one),
            Some(pieces) if pieces.iter().map(|p| p.len()).sum::<usize>() > MAX_INFO_BYTES => {
                return Err(NotASignature::TooMuch { what: "bytes of TSTInfo", limit: MAX_INFO_BYTES });
            }
            Some(pieces) => Cow::Owned(pieces.concat()),
        };
        let (info, shape) = tst_info::read(&content)?;
        let signatures = cms::of_signed_data(&data, Content::Attached, Profile::Timestamp, &work)?;
        let mut found = signatures.into_iter().next().ok_or(NotASignature::NoSignature)?;
        found.role = Role::TimeStamp { at: info.gen_time };
        found.rules.push(unless(shape.problem, "timestamp.tst_info", "RFC 3161 2.4.2", FORMAT));
        found.rules.extend(shape.authority.map(|name| authority(name, &found.signer)));
        if !found.digests.contains(&info.imprint.algorithm()) {
            found.digests.push(info.imprint.algorithm());
        }
        Ok(Self { found, info })
    }
}

/// The name in `tsa` is one of the certificate's (RFC 3161 2.4.2). Only names of the directory are compared.
fn authority(name: &[u8], signer: &Signer<'_>) -> Rule {
    let (id, citation) = ("timestamp.tsa", "RFC 3161 2.4.2");
    let Signer::Certificate(der) = signer else {
        return unless(Some("the certificate is not there"), id, citation, NO_CERTIFICATE);
    };
    match Candidate::new(der).identity {
        Some(identity) if identity.subject == name => kept(CheckResult::passed(id, citation)),
        _ => unless(Some("another name than the certificate's"), id, citation, NO_CERTIFICATE),
    }
}

/// The time-stamp in `file`, a token or a `TimeStampResp` (RFC 3161 2.4.2), DER or BER, over the document `detached`,
/// as a signature of that document.
///
/// # Errors
/// [`NotASignature`]; without `detached` it is [`NotASignature::ContentMissing`].
pub fn find<'a>(file: &'a [u8], detached: Option<&'a [u8]>) -> Result<Vec<Found<'a>>, NotASignature> {
    let Token { mut found, info } = Token::parse(token_of(file)?)?;
    let document = detached.ok_or(NotASignature::ContentMissing)?;
    let same = info.imprint.algorithm().digest(&[document]) == info.imprint;
    let problem = (!same).then_some("the document has another digest");
    found.rules.push(unless(problem, "timestamp.imprint", "RFC 3161 2.4.2", HASH));
    found.claimed_signing_time = Some(info.gen_time);
    found.location = "the time-stamp".to_owned();
    found.extent = Extent::Detached;
    Ok(vec![found])
}

/// Whether `file` is a token or a response with one.
#[must_use]
pub fn is_time_stamp(file: &[u8]) -> bool {
    token_of(file).is_ok_and(|token| Token::parse(token).is_ok())
}

/// The token of a response; the file itself if it is a token.
fn token_of(file: &[u8]) -> Result<&[u8], NotASignature> {
    let work = Work::new();
    let mut outer = Nodes::new(file, &work);
    let mut parts = outer.inside(0x30, "neither a time-stamp token nor a response")?;
    outer.end("bytes after the time-stamp")?;
    if parts.peek() == Some(0x06) {
        return Ok(file);
    }
    let mut status = parts.inside(0x30, "a response without a status")?;
    // PKIStatus: granted or grantedWithMods; every other answer comes without a token.
    if !matches!(status.tagged(0x02, "a response without a status")?.content, [0 | 1]) {
        return Err(NotASignature::NoSignature);
    }
    let token = parts.optional(0x30)?.ok_or(NotASignature::NoSignature)?;
    parts.end("bytes after the time-stamp")?;
    Ok(token.raw)
}
