//! A CMS taken apart and put together again, so that a test can change one thing; and the questions that tests ask of
//! what is found.

use std::borrow::Cow;
use std::path::PathBuf;

use const_oid::ObjectIdentifier;
use musubi_pki::asn1::{Elements, Malformed, constructed, whole};
use musubi_pki::{Outcome, SubIndication, UnverifiedCertificate};
use musubi_signature::cms::find;
use musubi_signature::timestamp::Token;
use musubi_signature::{Covered, Found, FoundTimestamp, Signed, Signer};

pub(crate) fn fixture(path: &str) -> Vec<u8> {
    let file = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures").join(path);
    std::fs::read(&file).unwrap_or_else(|e| panic!("{}: {e}", file.display()))
}

pub(crate) fn content() -> Vec<u8> {
    fixture("cms/content.txt")
}

pub(crate) fn pki(name: &str) -> Vec<u8> {
    fixture(&format!("pki/{name}.der"))
}

/// What is broken in the fixture after its first signer was changed.
pub(crate) fn after(name: &str, change: impl FnOnce(&mut SignerParts)) -> Vec<(&str, SubIndication)> {
    broken(&find(&Message::of(name).with_signer(change).write(), None).unwrap()[0])
}

/// Asks about the only signature of a message.
pub(crate) fn only<T>(message: &Message, ask: impl FnOnce(&Found<'_>) -> T) -> T {
    let cms = message.write();
    let found = find(&cms, None).unwrap();
    assert_eq!(found.len(), 1);
    ask(&found[0])
}

pub(crate) fn tlv(tag: u8, content: &[u8]) -> Vec<u8> {
    let length = content.len();
    let mut out = vec![tag];
    match length {
        0..=0x7F => out.push(length as u8),
        0x80..=0xFFFF => out.extend([0x82, (length >> 8) as u8, length as u8]),
        _ => {
            out.extend([0x84, (length >> 24) as u8, (length >> 16) as u8, (length >> 8) as u8, length as u8])
        }
    }
    // Lengths from 128 to 255 have one byte in DER.
    if (0x80..=0xFF).contains(&length) {
        out = vec![tag, 0x81, length as u8];
    }
    out.extend(content);
    out
}

pub(crate) fn oid(text: &str) -> Vec<u8> {
    tlv(0x06, ObjectIdentifier::new_unwrap(text).as_bytes())
}

/// An attribute with these values, DER each.
pub(crate) fn attribute(id: &str, values: &[Vec<u8>]) -> Vec<u8> {
    tlv(0x30, &[oid(id), tlv(0x31, &values.concat())].concat())
}

pub(crate) const CONTENT_TYPE: &str = "1.2.840.113549.1.9.3";
pub(crate) const MESSAGE_DIGEST: &str = "1.2.840.113549.1.9.4";
pub(crate) const SIGNING_TIME: &str = "1.2.840.113549.1.9.5";

/// A signer, each field with tag and length.
#[derive(Clone)]
pub(crate) struct SignerParts {
    pub(crate) version: Vec<u8>,
    pub(crate) id: Vec<u8>,
    pub(crate) digest: Vec<u8>,
    pub(crate) signed: Option<Vec<Vec<u8>>>,
    /// Written in the place of `signed`, with its tag.
    pub(crate) signed_raw: Option<Vec<u8>>,
    pub(crate) algorithm: Vec<u8>,
    pub(crate) signature: Vec<u8>,
    pub(crate) unsigned: Vec<Vec<u8>>,
}

impl SignerParts {
    pub(crate) fn write(&self) -> Vec<u8> {
        let signed = self.signed.as_ref().map(|list| tlv(0xA0, &list.concat()));
        let signed = self.signed_raw.clone().or(signed).unwrap_or_default();
        let unsigned = if self.unsigned.is_empty() { Vec::new() } else { tlv(0xA1, &self.unsigned.concat()) };
        let fields =
            [&self.version, &self.id, &self.digest, &signed, &self.algorithm, &self.signature, &unsigned];
        tlv(0x30, &fields.map(Vec::as_slice).concat())
    }

    /// Signed attributes that are changed and sorted again.
    pub(crate) fn sign_attributes(&mut self, change: impl FnOnce(&mut Vec<Vec<u8>>)) {
        let list = self.signed.as_mut().unwrap();
        change(list);
        list.sort();
    }

    /// Where the signed attribute stands.
    pub(crate) fn position(&self, id: &str) -> usize {
        let id = oid(id);
        let list = self.signed.as_ref().unwrap();
        list.iter().position(|a| a.windows(id.len()).any(|w| w == id)).unwrap()
    }
}

/// A message with definite lengths.
#[derive(Clone)]
pub(crate) struct Message {
    pub(crate) content_type: Vec<u8>,
    /// The OCTET STRING, with its tag.
    pub(crate) content: Option<Vec<u8>>,
    pub(crate) certificates: Vec<Vec<u8>>,
    pub(crate) revocation: Vec<Vec<u8>>,
    pub(crate) signers: Vec<SignerParts>,
}

fn all(list: &mut Elements<'_>) -> Result<Vec<Vec<u8>>, Malformed> {
    let mut out = Vec::new();
    list.each(|list| {
        out.push(list.any()?.raw.to_vec());
        Ok::<_, Malformed>(())
    })?;
    Ok(out)
}

impl Message {
    pub(crate) fn of(fixture_name: &str) -> Self {
        Self::read(&fixture(&format!("cms/{fixture_name}.p7"))).unwrap()
    }

    pub(crate) fn read(der: &[u8]) -> Result<Self, Malformed> {
        use der::Tag;
        whole(der, |file| {
            file.inside(Tag::Sequence, |info| {
                info.oid()?;
                info.inside(constructed(0), |explicit| {
                    explicit.inside(Tag::Sequence, |data| {
                        data.any()?;
                        data.any()?;
                        let (content_type, content) = data.inside(Tag::Sequence, |encapsulated| {
                            let kind = encapsulated.any()?.raw.to_vec();
                            let content = encapsulated.optional(constructed(0))?;
                            let content = content.map(|c| whole(c.value, Elements::any)).transpose()?;
                            Ok::<_, Malformed>((kind, content.map(|c| c.raw.to_vec())))
                        })?;
                        let certificates = data.optional(constructed(0))?;
                        let revocation = data.optional(constructed(1))?;
                        let list = |e: Option<musubi_pki::asn1::Element<'_>>| {
                            e.map_or(Ok(Vec::new()), |e| whole(e.value, all))
                        };
                        let (certificates, revocation) = (list(certificates)?, list(revocation)?);
                        let signers = data.inside(Tag::Set, |set| {
                            let mut signers = Vec::new();
                            set.each(|set| {
                                signers.push(set.inside(Tag::Sequence, Self::signer)?);
                                Ok::<_, Malformed>(())
                            })?;
                            Ok::<_, Malformed>(signers)
                        })?;
                        Ok(Self { content_type, content, certificates, revocation, signers })
                    })
                })
            })
        })
    }

    fn signer(fields: &mut Elements<'_>) -> Result<SignerParts, Malformed> {
        let mut next = || fields.any().map(|e| e.raw.to_vec());
        let (version, id, digest) = (next()?, next()?, next()?);
        let signed = fields.optional(constructed(0))?.map(|e| whole(e.value, all)).transpose()?;
        let mut next = || fields.any().map(|e| e.raw.to_vec());
        let (algorithm, signature) = (next()?, next()?);
        let unsigned = fields.optional(constructed(1))?.map(|e| whole(e.value, all)).transpose()?;
        Ok(SignerParts {
            version,
            id,
            digest,
            signed,
            signed_raw: None,
            algorithm,
            signature,
            unsigned: unsigned.unwrap_or_default(),
        })
    }

    pub(crate) fn write(&self) -> Vec<u8> {
        let content = self.content.as_ref().map(|c| tlv(0xA0, c)).unwrap_or_default();
        let optional = |tag, list: &[Vec<u8>]| {
            if list.is_empty() { Vec::new() } else { tlv(tag, &list.concat()) }
        };
        let signers: Vec<Vec<u8>> = self.signers.iter().map(SignerParts::write).collect();
        let data = [
            vec![0x02, 0x01, 0x01],
            vec![0x31, 0x00],
            tlv(0x30, &[self.content_type.clone(), content].concat()),
            optional(0xA0, &self.certificates),
            optional(0xA1, &self.revocation),
            tlv(0x31, &signers.concat()),
        ];
        let id = oid("1.2.840.113549.1.7.2");
        tlv(0x30, &[id, tlv(0xA0, &tlv(0x30, &data.concat()))].concat())
    }

    /// The octets of the content.
    pub(crate) fn octets(&self) -> Vec<u8> {
        let content = self.content.as_ref().unwrap();
        whole(content, |c| Ok::<_, Malformed>(c.any()?.value.to_vec())).unwrap()
    }

    /// The same, its first signer changed.
    pub(crate) fn with_signer(mut self, change: impl FnOnce(&mut SignerParts)) -> Self {
        change(&mut self.signers[0]);
        self
    }
}

/// The rules that did not pass: identifier and conclusion.
pub(crate) fn broken(found: &Found<'_>) -> Vec<(&'static str, SubIndication)> {
    let broken = found.rules.iter().filter(|rule| rule.result.outcome() != Outcome::Passed);
    broken.map(|rule| (rule.result.id().to_owned().leak() as &str, rule.on_failure.0)).collect()
}

/// Whether the rule is there and passed.
pub(crate) fn kept(found: &Found<'_>, id: &str) -> bool {
    found.rules.iter().any(|rule| rule.result.id() == id && rule.result.outcome() == Outcome::Passed)
}

pub(crate) fn signer<'f>(found: &'f Found<'_>) -> Option<&'f [u8]> {
    match &found.signer {
        Signer::Certificate(der) => Some(der),
        Signer::NotFound => None,
    }
}

/// Whether the value verifies under the key of the certificate that is named: what the process asks next.
pub(crate) fn verifies(found: &Found<'_>) -> bool {
    let Some(Ok(certificate)) = signer(found).map(UnverifiedCertificate::parse) else { return false };
    let Ok(key) = certificate.public_key() else { return false };
    let Ok(algorithm) = found.value.algorithm else { return false };
    match &found.value.signed {
        Signed::Bytes(bytes) => {
            key.verify_encoded(algorithm, found.value.encoding, bytes, &found.value.signature).is_ok()
        }
        Signed::Digest(digest) => key.verify_digest(algorithm, digest, &found.value.signature).is_ok(),
        Signed::BareDigest(_) => false,
    }
}

/// Whether the time-stamp keeps its rules, verifies, and is over what it says to cover.
pub(crate) fn stamps(stamp: &FoundTimestamp<'_>) -> bool {
    let Covered::Parts(parts) = &stamp.covered else { return false };
    let parts: Vec<&[u8]> = parts.iter().map(Cow::as_ref).collect();
    let token = Token::parse(&stamp.token).unwrap();
    broken(&token.found).is_empty()
        && verifies(&token.found)
        && token.info.imprint.algorithm().digest(&parts) == token.info.imprint
}
