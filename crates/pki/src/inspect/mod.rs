//! What a file holds, for people: certificates, revocation lists and OCSP responses, in DER or PEM, told field by
//! field. Judges nothing and verifies nothing: what is printed here is what somebody wrote.

mod certificate;
mod extensions;
mod list;
mod names;
mod report;
mod response;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use der::Tag;

use crate::asn1::{Element, Elements, Malformed, constructed, whole};
use crate::certificate::ParseError;
use crate::path::PathCertificate;
use report::Report;

/// The most PEM blocks of one file that are told of.
const MAX_BLOCKS: usize = 100;

/// How it is told.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Options {
    /// With the personal data of a certificate of the JPKI: name, address, date of birth, sex, municipality.
    pub personal: bool,
    /// One JSON object per line instead of text.
    pub json: bool,
}

/// Why nothing can be told. Carries no content of the file.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum InspectError {
    /// It looks like none of them.
    #[error("neither a certificate nor a revocation list nor an OCSP response, in DER or PEM")]
    Unrecognised,
    /// A PEM block is not Base64 between its two lines.
    #[error("a PEM block is malformed")]
    Pem,
    /// More PEM blocks than are told of.
    #[error("more than {MAX_BLOCKS} PEM blocks")]
    TooMany,
    /// It looks like a certificate.
    #[error("unreadable certificate: {0}")]
    Certificate(#[from] ParseError),
    /// It looks like a revocation list.
    #[error("unreadable revocation list")]
    List,
    /// It looks like an OCSP response.
    #[error("unreadable OCSP response")]
    Response,
}

/// Tells what `bytes` are: text that ends with a line feed, or JSON objects, one per line.
///
/// # Errors
/// [`InspectError`]: the first thing in the file that cannot be read.
pub fn run(bytes: &[u8], options: Options) -> Result<String, InspectError> {
    let reports = match pem_blocks(bytes)? {
        Some(blocks) => blocks.iter().map(|der| inspect(der, options)).collect::<Result<Vec<_>, _>>()?,
        None => vec![inspect(bytes, options)?],
    };
    let told = reports.iter().map(|report| if options.json { report.json() } else { report.text() });
    Ok(told.collect::<Vec<_>>().join(if options.json { "" } else { "\n" }))
}

/// The subject's name of a certificate, as [`run`] writes it, with what could deceive a reader escaped; `None` if the
/// certificate cannot be read or has no name there. Nobody vouches for it until the certificate is judged.
#[must_use]
pub fn subject_text(certificate: &[u8]) -> Option<String> {
    let certificate = PathCertificate::parse(certificate).ok()?;
    let name = names::name(certificate.subject);
    name.is_named().then(|| name.line()).flatten()
}

fn inspect(der: &[u8], options: Options) -> Result<Report, InspectError> {
    match kind(der).ok_or(InspectError::Unrecognised)? {
        Kind::Certificate => certificate::report(der, options),
        Kind::List => list::report(der).map_err(|Malformed| InspectError::List),
        Kind::Response => response::report(der),
    }
}

/// What DER looks like.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// A certificate.
    Certificate,
    /// A revocation list.
    List,
    /// An OCSP response, bare or with its status.
    Response,
}

/// What it looks like from its first elements; `None` if it is none of these. Whether the rest is right, its reader
/// says.
#[must_use]
pub fn kind(der: &[u8]) -> Option<Kind> {
    shape(der).ok()
}

fn shape(der: &[u8]) -> Result<Kind, Malformed> {
    let first = whole(der, |outer| outer.inside(Tag::Sequence, first_of))?;
    match first.tag {
        Tag::Enumerated => Ok(Kind::Response),
        Tag::Sequence => whole(first.value, |fields| {
            fields.optional(constructed(0))?;
            fields.optional(Tag::Integer)?;
            let tags = [fields.any()?.tag, fields.any()?.tag, first_of(fields)?.tag];
            match tags {
                [a, ..] if a == constructed(1) || a == constructed(2) => Ok(Kind::Response),
                [Tag::Sequence, Tag::Sequence, Tag::Sequence] => Ok(Kind::Certificate),
                [Tag::Sequence, Tag::Sequence, Tag::UtcTime | Tag::GeneralizedTime] => Ok(Kind::List),
                _ => Err(Malformed),
            }
        }),
        _ => Err(Malformed),
    }
}

/// The next element; the others are passed over.
fn first_of<'a>(elements: &mut Elements<'a>) -> Result<Element<'a>, Malformed> {
    let first = elements.any()?;
    elements.each(|rest| rest.any().map(drop))?;
    Ok(first)
}

/// The content of the PEM blocks (RFC 7468) of the three kinds, in order; `None` if this is no PEM. Others, such as
/// keys, are passed over, and so is what stands between blocks.
fn pem_blocks(bytes: &[u8]) -> Result<Option<Vec<Vec<u8>>>, InspectError> {
    let Some(text) = std::str::from_utf8(bytes).ok().filter(|text| text.contains("-----BEGIN ")) else {
        return Ok(None);
    };
    let mut blocks = Vec::new();
    let mut open: Option<(&str, String)> = None;
    for line in text.lines().map(str::trim) {
        let label = |edge| line.strip_prefix(edge).and_then(|rest| rest.strip_suffix("-----"));
        open = match (open, label("-----BEGIN "), label("-----END ")) {
            (None, Some(label), _) => Some((label, String::new())),
            (Some((begun, content)), None, Some(ended)) if begun == ended => {
                if ["CERTIFICATE", "X509 CRL", "OCSP RESPONSE"].contains(&begun) {
                    if blocks.len() == MAX_BLOCKS {
                        return Err(InspectError::TooMany);
                    }
                    blocks.push(STANDARD.decode(content).map_err(|_| InspectError::Pem)?);
                }
                None
            }
            (Some((begun, mut content)), None, None) => {
                content.push_str(line);
                Some((begun, content))
            }
            (None, None, None) => None,
            _ => return Err(InspectError::Pem),
        };
    }
    match (open, blocks.is_empty()) {
        (Some(_), _) => Err(InspectError::Pem),
        (None, true) => Err(InspectError::Unrecognised),
        (None, false) => Ok(Some(blocks)),
    }
}
