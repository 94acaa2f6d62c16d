//! The outer form of a bundle: the content, its place in the audit log, and the platform's signature over both.

use musubi_crypto::{Ed25519Signer, Sha256Digest, sha256};

use super::cbor::{Malformed, Reader, Writer, Written, hashes, write};
use super::{Difference, MAX_BUNDLE_BYTES};

const MAGIC: &str = "musubi.bundle";
const VERSION: u64 = 1;
/// The signature's byte string with its head: the last bytes of a bundle, over all before them.
const TAIL: usize = 2 + 64;

/// Where the verdict stands in the audit log (RFC 9162 2.1.3).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AuditPart {
    /// The record: the bytes of the leaf. It holds the SHA-256 of the content.
    pub record: Vec<u8>,
    /// Its position, from 0.
    pub index: u64,
    /// The size of a log that has it.
    pub size: u64,
    /// The root of that log.
    pub root: Sha256Digest,
    /// The hashes beside the way from the record to the root, from below.
    pub path: Vec<Sha256Digest>,
}

/// A bundle, taken apart. Nothing is verified yet.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sealed<'a> {
    /// The bytes of [`Content`](super::Content).
    pub content: &'a [u8],
    /// The place in the audit log.
    pub audit: AuditPart,
    /// Which key of the platform signed.
    pub key_id: [u8; 8],
    /// The bytes that are signed.
    pub signed: &'a [u8],
    /// Ed25519.
    pub signature: [u8; 64],
}

/// Names a key of the platform: the first 8 bytes of the SHA-256 of its 32 bytes.
#[must_use]
pub fn key_id(public_key: &[u8; 32]) -> [u8; 8] {
    let [a, b, c, d, e, f, g, h, ..] = sha256(public_key);
    [a, b, c, d, e, f, g, h]
}

/// Puts a bundle together and signs it. The same input gives the same bytes.
#[must_use]
pub fn seal(content: &[u8], audit: &AuditPart, signer: &Ed25519Signer) -> Vec<u8> {
    let mut bundle = write(|w| {
        w.array(6)?.str(MAGIC)?.u64(VERSION)?.bytes(content)?;
        write_audit(w, audit)?;
        w.bytes(&key_id(&signer.public_key()))?.ok()
    });
    let signature = signer.sign(&bundle);
    bundle.extend(write(|w| w.bytes(&signature)?.ok()));
    bundle
}

/// The first bundle of a sequence (RFC 8742), and what follows it.
///
/// # Errors
/// [`Difference::NotABundle`].
pub fn split_first(sequence: &[u8]) -> Result<(&[u8], &[u8]), Difference> {
    let bounded = sequence.get(..MAX_BUNDLE_BYTES).unwrap_or(sequence);
    let (_, length) = read(bounded)?;
    sequence.split_at_checked(length).ok_or(Difference::NotABundle("cut off"))
}

impl<'a> Sealed<'a> {
    /// Takes one bundle apart.
    ///
    /// # Errors
    /// [`Difference::NotABundle`] if it is anything else, or not in its deterministic encoding.
    pub fn decode(bytes: &'a [u8]) -> Result<Self, Difference> {
        if bytes.len() > MAX_BUNDLE_BYTES {
            return Err(Difference::NotABundle("too large"));
        }
        let (sealed, length) = read(bytes)?;
        if length != bytes.len() {
            return Err(Difference::NotABundle("bytes after its end"));
        }
        let again = write(|w| {
            w.array(6)?.str(MAGIC)?.u64(VERSION)?.bytes(sealed.content)?;
            write_audit(w, &sealed.audit)?;
            w.bytes(&sealed.key_id)?.bytes(&sealed.signature)?.ok()
        });
        if again == bytes {
            Ok(sealed)
        } else {
            Err(Difference::NotABundle("not in its deterministic encoding"))
        }
    }
}

fn read(bytes: &[u8]) -> Result<(Sealed<'_>, usize), Malformed> {
    let r = &mut Reader::new(bytes);
    r.array_of("not an array of six", 6)?;
    if r.text("name", 32)? != MAGIC {
        return Err(Malformed("another name than musubi.bundle"));
    }
    if r.number("version")? != VERSION {
        return Err(Malformed("another version than 1"));
    }
    let content = r.bytes("content", MAX_BUNDLE_BYTES)?;
    r.array_of("audit", 5)?;
    let audit = AuditPart {
        record: r.bytes("audit record", 16 * 1024)?.to_vec(),
        index: r.number("audit index")?,
        size: r.number("audit size")?,
        root: r.digest("audit root")?,
        path: hashes(r.bytes("audit path", 64 * 32)?, "audit path")?,
    };
    let key_id = r.digest("key id")?;
    let signature = r.digest("signature")?;
    let length = r.position();
    let signed = length.checked_sub(TAIL).and_then(|end| bytes.get(..end)).ok_or(Malformed("signature"))?;
    Ok((Sealed { content, audit, key_id, signed, signature }, length))
}

fn write_audit(w: &mut Writer, audit: &AuditPart) -> Written {
    w.array(5)?.bytes(&audit.record)?.u64(audit.index)?.u64(audit.size)?;
    w.bytes(&audit.root)?.bytes(audit.path.as_flattened())?.ok()
}
