//! CMS `SignedData` (RFC 5652) and CAdES (EN 319 122-1): every signer and counter-signer of a message as a
//! [`Found`]. Verifies no signature value and judges no certificate and no time: the process does.
//!
//! What is signed is taken from the input as it stands; the shell may be BER. Refused, by a rule that fails:
//!
//! - signed attributes that are not sorted DER, stand twice, or have several values where there is one (RFC 5652
//!   5.3): a verifier that sorts them (5.4; bc-java #1484) and one that takes them as they came (openssl #22120) hash
//!   different bytes, so that one of the two is always deceived;
//! - no signed attributes although the content is not `id-data` (5.3); signed attributes without the type or the
//!   digest of the content (11.1, 11.2), or with another type or digest;
//! - content that itself reads as signed attributes, where there are none: a signature over attributes could be
//!   passed off as one over that content (draft-ietf-lamps-cms-euf-cma-signeddata);
//! - a signer identifier that fits no certificate, several, or another one than the signed reference; a reference
//!   whose digest, issuer or serial number is another's (substitution; jpki/myna GHSA-58hw-cg5m-88rp);
//! - a digest that does not belong to the signature algorithm, algorithms other than the protected ones (RFC 6211),
//!   wrong parameters, `id-ecPublicKey` as a signature, algorithms that are not in the table;
//! - `SignerInfo`s of a version that does not go with their identifier; malformed unsigned attributes;
//! - in a PDF: several signers, content inside, no signed attributes, another type than `id-data`; in a time-stamp: several signers.
//!
//! Refused as a whole ([`NotASignature`]): bytes after the message, tags of several bytes, more than
//! 200 certificates, 200 entries of revocation data, 32 signers, 64 attributes, 32 MiB beside the content, 16 levels.
//!
//! Not read: extended and attribute certificates, SCVP responses, evidence records, signature policies; time-stamps
//! over references and archive time-stamps before version 3 are reported as proving nothing.

mod algorithms;
mod archive;
mod attribute_values;
pub(crate) mod ber;
pub(crate) mod oid;
mod pem;
pub(crate) mod rules;
mod signature;
pub(crate) mod signed_data;
mod signer_info;
mod signing_certificate;
mod time_stamps;

use ber::Work;
use signature::Message;
use signed_data::{SignedContent, SignedData};

use crate::model::{Found, NotASignature};

pub(crate) use signing_certificate::Candidate;

/// Where the content is that was signed.
pub(crate) enum Content<'a> {
    /// In the message.
    Attached,
    /// Outside of it, in these pieces one after the other.
    Parts(Vec<&'a [u8]>),
}

/// What uses the message, and what that asks of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[allow(dead_code, reason = "the signatures of PDF documents use the rest")]
pub(crate) enum Profile {
    /// A message of its own.
    Cms,
    /// `adbe.pkcs7.detached` (ISO 32000-2 12.8.3.3): one signer, no content inside, signed attributes.
    Pdf,
    /// `ETSI.CAdES.detached` (EN 319 142-1 6.3): as [`Pdf`](Self::Pdf), and a reference to the signing certificate.
    Pades,
    /// A time-stamp token (RFC 3161 2.4.2): one signer, and a reference to the signing certificate. The time-stamps
    /// of a time-stamp are not looked for.
    Timestamp,
}

impl Profile {
    fn is_of_pdf(self) -> bool {
        matches!(self, Self::Pdf | Self::Pades)
    }
}

/// The signatures of a CMS file, DER, BER or PEM (RFC 7468 8, also under the label `PKCS7`). `detached` is the content
/// if it is not inside; if it is both inside and given, both must be the same.
///
/// # Errors
/// [`NotASignature`]; also if there is no signer, or the content is neither inside nor given.
pub fn find<'a>(file: &'a [u8], detached: Option<&'a [u8]>) -> Result<Vec<Found<'a>>, NotASignature> {
    let content = || detached.map_or(Content::Attached, |bytes| Content::Parts(vec![bytes]));
    match pem::decode(file)? {
        None => signatures(file, content(), Profile::Cms),
        Some(der) => {
            let found = signatures(&der, content(), Profile::Cms)?;
            Ok(found.into_iter().map(pem::into_owned).collect())
        }
    }
}

/// The signatures of `cms`, all of it, DER or BER: each signer, followed by the counter-signers over it.
pub(crate) fn signatures<'a>(
    cms: &'a [u8],
    content: Content<'a>,
    profile: Profile,
) -> Result<Vec<Found<'a>>, NotASignature> {
    let work = Work::new();
    let data = SignedData::parse(cms, &work)?;
    of_signed_data(&data, content, profile, &work)
}

/// The signatures of a message that is read already.
pub(crate) fn of_signed_data<'a>(
    data: &SignedData<'a>,
    content: Content<'a>,
    profile: Profile,
    work: &Work,
) -> Result<Vec<Found<'a>>, NotASignature> {
    if data.signers.is_empty() {
        return Err(NotASignature::NoSignature);
    }
    let (given, is_detached) = match content {
        Content::Attached => (data.content.clone().ok_or(NotASignature::ContentMissing)?, false),
        Content::Parts(parts) => (parts, true),
    };
    Message::new(data, SignedContent::new(given), is_detached, profile, work).signatures()
}

/// Bytes of the message at the start of `contents`, DER or BER; `None` if there is none. For who pads it.
#[allow(dead_code, reason = "for the signatures of PDF documents")]
pub(crate) fn length_of(contents: &[u8]) -> Option<usize> {
    ber::length_of_first(contents)
}

#[cfg(test)]
mod tests {
    use super::{Content, Profile, find, length_of, signatures};
    use musubi_pki::Outcome;

    const DETACHED: &[u8] = include_bytes!("../../tests/fixtures/cms/cades-detached.p7");
    const PLAIN: &[u8] = include_bytes!("../../tests/fixtures/cms/rsa-detached.p7");
    const ATTACHED: &[u8] = include_bytes!("../../tests/fixtures/cms/cades-attached.p7");
    const BARE: &[u8] = include_bytes!("../../tests/fixtures/cms/noattr-detached.p7");
    const STREAMED: &[u8] = include_bytes!("../../tests/fixtures/cms/stream.p7");
    const STAMP: &[u8] = include_bytes!("../../tests/fixtures/timestamp/sha256.token");
    const TWO: &[u8] = include_bytes!("../../tests/fixtures/cms/two-signers.p7");
    const CONTENT: &[u8] = include_bytes!("../../tests/fixtures/cms/content.txt");

    /// The rules that the first signer breaks over the content in two parts.
    fn broken(cms: &[u8], profile: Profile) -> Vec<String> {
        let (first, second) = CONTENT.split_at(7);
        let found = signatures(cms, Content::Parts(vec![first, second]), profile).unwrap();
        let rules = found.first().unwrap().rules.iter().map(|rule| &rule.result);
        rules.filter(|r| r.outcome() != Outcome::Passed).map(|r| r.id().to_owned()).collect()
    }

    #[test]
    fn a_pdf_has_one_signer_with_signed_attributes_and_no_content_inside() {
        assert!(broken(DETACHED, Profile::Pdf).is_empty());
        assert!(broken(PLAIN, Profile::Pdf).is_empty());
        assert_eq!(broken(ATTACHED, Profile::Pdf), ["cms.detached"]);
        assert_eq!(broken(BARE, Profile::Pdf), ["cms.signed_attributes"]);
        assert_eq!(broken(TWO, Profile::Pdf), ["cms.detached", "cms.one_signer"]);
        let stamp = ["cms.detached", "cms.content_type", "cms.message_digest"];
        assert_eq!(broken(STAMP, Profile::Pdf), stamp);
    }

    #[test]
    fn pades_needs_the_reference_to_the_signing_certificate() {
        assert!(broken(DETACHED, Profile::Pades).is_empty());
        assert_eq!(broken(PLAIN, Profile::Pades), ["cades.signing_certificate"]);
    }

    #[test]
    fn padding_after_a_message_is_told_apart_from_it() {
        for message in [DETACHED, STREAMED] {
            let padded = [message, &[0; 100]].concat();
            assert_eq!(length_of(&padded), Some(message.len()));
            assert!(find(&padded, Some(CONTENT)).is_err());
        }
        assert_eq!(length_of(&[0; 100]), None);
        assert_eq!(length_of(DETACHED.get(..100).unwrap()), None);
    }
}
