//! COMPUTE DIGITAL SIGNATURE and INTERNAL AUTHENTICATE: what is padded how (facts §4.3; RFC 8017 8.1, 9.1.1, 9.2).

use std::sync::Arc;

use musubi_crypto::{CardKey, sha256, sha256_parts};
use musubi_kernel::Random;

use super::VirtualCard;
use super::engine::{Outcome, Processed};
use super::image::Content;
use crate::apdu::CommandApdu;
use crate::layout::FileId;
use crate::status::StatusWord;

/// What stands before a SHA-256 digest in its `DigestInfo` (RFC 8017 9.2, note 1).
pub(crate) const DIGEST_INFO_SHA256: [u8; 19] = [
    0x30, 0x31, 0x30, 0x0D, 0x06, 0x09, 0x60, 0x86, 0x48, 0x01, 0x65, 0x03, 0x04, 0x02, 0x01, 0x05, 0x00,
    0x04, 0x20,
];
/// Length of a SHA-256 digest and of our salts, in bytes.
const DIGEST_BYTES: usize = 32;

/// What P1 says is to be signed, and how it is padded.
#[derive(Clone, Copy)]
enum Scheme {
    /// The bytes as they are, PKCS #1 v1.5.
    Raw,
    /// The bare digest of a message, PKCS #1 v1.5.
    BareDigestOf,
    /// A digest in its `DigestInfo`, PKCS #1 v1.5.
    Digest,
    /// The digest of a message in its `DigestInfo`, PKCS #1 v1.5.
    DigestOf,
    /// A digest, PSS.
    PssDigest,
    /// The digest of a message, PSS.
    PssDigestOf,
}

impl VirtualCard {
    /// `80 2A`: P2 is `80` for the current key, `80 | SFI` for another, `00` for the application's own.
    pub(super) fn compute_digital_signature(
        &mut self,
        command: &CommandApdu,
        random: &dyn Random,
    ) -> Processed {
        let scheme = Scheme::of(command.p1)?;
        self.check_length(command)?;
        let id = match command.p2 {
            0x00 => {
                let image = self.application_image().ok_or(StatusWord::KEY_NOT_FOUND)?;
                image.default_key.ok_or(StatusWord::KEY_NOT_FOUND)?
            }
            reference => self.referenced(reference, StatusWord::KEY_NOT_FOUND)?,
        };
        let key = self.usable_key(id, |content| match content {
            Content::SigningKey(key) => Some(key),
            _ => None,
        })?;
        let block = scheme.block(key, command.data(), random)?;
        private_operation(key, &block)
    }

    /// INTERNAL AUTHENTICATE. What the real key does with the challenge is not known: ours pads it as `80 2A 00` does.
    pub(super) fn internal_authenticate(&mut self, command: &CommandApdu) -> Processed {
        if command.p1 != 0 {
            return Err(StatusWord::WRONG_P1_P2.into());
        }
        self.check_length(command)?;
        let id = self.referenced(command.p2, StatusWord::KEY_NOT_FOUND)?;
        let key = self.usable_key(id, |content| match content {
            Content::AuthenticationKey(key) => Some(key),
            _ => None,
        })?;
        private_operation(key, &pkcs1(key, &[command.data()])?)
    }

    /// There is something to sign, at most 255 bytes, and a place for the signature.
    fn check_length(&self, command: &CommandApdu) -> Result<(), StatusWord> {
        let fetched = self.behaviour.chaining == super::Chaining::GetResponse;
        if !(1..=255).contains(&command.data().len()) || (command.le().is_none() && !fetched) {
            return Err(StatusWord::WRONG_LENGTH);
        }
        Ok(())
    }

    fn usable_key<'a>(
        &'a self,
        id: FileId,
        key: impl Fn(&'a Content) -> Option<&'a Arc<CardKey>>,
    ) -> Result<&'a CardKey, StatusWord> {
        let file = self.file(id)?;
        // A card without the certificate has the file of its key, and no key in it: our own choice.
        if matches!(file.content, Content::Opaque) {
            return Err(StatusWord::KEY_NOT_FOUND);
        }
        let key = key(&file.content).ok_or(StatusWord::FILE_STRUCTURE)?;
        self.check_access(file)?;
        Ok(key)
    }
}

impl Scheme {
    fn of(p1: u8) -> Result<Self, StatusWord> {
        Ok(match p1 {
            0x00 => Self::Raw,
            0x01 => Self::BareDigestOf,
            0x02 => Self::Digest,
            0x03 => Self::DigestOf,
            0x04 => Self::PssDigest,
            0x05 => Self::PssDigestOf,
            _ => return Err(StatusWord::WRONG_P1_P2),
        })
    }

    fn block(self, key: &CardKey, data: &[u8], random: &dyn Random) -> Result<Vec<u8>, StatusWord> {
        let digest = match self {
            Self::Raw => return pkcs1(key, &[data]),
            Self::Digest | Self::PssDigest => data.try_into().map_err(|_| StatusWord::CONDITIONS)?,
            Self::BareDigestOf | Self::DigestOf | Self::PssDigestOf => sha256(data),
        };
        match self {
            Self::PssDigest | Self::PssDigestOf => pss(key, &digest, random),
            Self::BareDigestOf => pkcs1(key, &[&digest]),
            _ => pkcs1(key, &[&DIGEST_INFO_SHA256, &digest]),
        }
    }
}

fn private_operation(key: &CardKey, block: &[u8]) -> Processed {
    // A block of ours is as long as the modulus and below it.
    Ok(Outcome::of(key.private_operation(block).map_err(|_| StatusWord::SELF_DIAGNOSIS)?))
}

/// `00 01 FF … FF 00` and the content (RFC 8017 9.2); at least eight FF.
fn pkcs1(key: &CardKey, content: &[&[u8]]) -> Result<Vec<u8>, StatusWord> {
    let content = content.concat();
    let filler = key.modulus_length().checked_sub(content.len() + 3).filter(|filler| *filler >= 8);
    let filler = vec![0xFF; filler.ok_or(StatusWord::CONDITIONS)?];
    Ok([&[0x00, 0x01], filler.as_slice(), &[0x00], &content].concat())
}

/// EMSA-PSS with SHA-256, MGF1 with SHA-256 and a salt of 32 bytes (RFC 8017 9.1.1).
fn pss(key: &CardKey, digest: &[u8; DIGEST_BYTES], random: &dyn Random) -> Result<Vec<u8>, StatusWord> {
    let length = key.modulus_length();
    let mut salt = [0; DIGEST_BYTES];
    random.fill(&mut salt);
    let hash = sha256_parts(&[&[0; 8], digest, &salt]);
    let zeros = length.checked_sub(2 * DIGEST_BYTES + 2).ok_or(StatusWord::CONDITIONS)?;
    let mut block = [vec![0; zeros], vec![0x01], salt.to_vec()].concat();
    let mask = (0u32..).flat_map(|counter| sha256_parts(&[&hash, &counter.to_be_bytes()]));
    for (octet, mask) in block.iter_mut().zip(mask) {
        *octet ^= mask;
    }
    // The modulus has all of its 8 n bits: one bit of the first octet is left free.
    if let Some(first) = block.first_mut() {
        *first &= 0x7F;
    }
    block.extend(hash);
    block.push(0xBC);
    Ok(block)
}
