//! Writing revocation lists (RFC 5280 5) of any size: full, of one municipality, and delta lists.
//!
//! The entries are gone through twice, once for their length, since DER states it first, and once for writing,
//! while the bytes are hashed; the signature is made over the digest at the end. Memory is one buffer,
//! whatever the number of entries. Does not decide which entries a list has: [`crate::lists`] and
//! [`crate::population`] do.
//!
//! What the real lists look like is not public (facts §2.4); this is our own design. Version 2; issuer name of
//! the authority; authorityKeyIdentifier and CRLNumber; a municipality's list carries a critical
//! issuingDistributionPoint with the very name in its certificates' cRLDistributionPoints, the full list
//! carries none and covers everything that its key signed; a delta list carries a critical deltaCRLIndicator
//! and otherwise its complete list's scope. The reason `unspecified` is expressed by absence (RFC 5280 5.3.1).

use std::io;

use musubi_crypto::{DigestAlgorithm, Hasher, Sha256Digest, SignError};
use musubi_kernel::UnixTime;
use musubi_pki::{AuthorityKind, RevocationReason};

use crate::keys::NationKey;
use crate::profile::{authority_name, extension, key_identifier_only, partition_of, sha256_with_rsa};
use crate::{Municipality, der};

const CRL_NUMBER: &[u8] = &[0x55, 0x1D, 20];
const REASON_CODE: &[u8] = &[0x55, 0x1D, 21];
const DELTA_CRL_INDICATOR: &[u8] = &[0x55, 0x1D, 27];
const ISSUING_DISTRIBUTION_POINT: &[u8] = &[0x55, 0x1D, 28];
/// removeFromCRL (RFC 5280 5.3.1).
const REMOVE_FROM_CRL: u8 = 8;
/// Bytes that are hashed and written at once.
const BUFFER: usize = 256 * 1024;

/// Which certificates a list is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Scope {
    /// All that its key signed.
    Full,
    /// Those that this municipality issued.
    Municipality(&'static Municipality),
}

/// What stands in a list beside its entries.
#[derive(Debug, Clone, Copy)]
pub(crate) struct ListHead {
    pub(crate) authority: AuthorityKind,
    pub(crate) number: u64,
    pub(crate) this_update: UnixTime,
    pub(crate) next_update: UnixTime,
    pub(crate) scope: Scope,
    /// The number of the list that a delta list builds on; `None` for a complete list.
    pub(crate) base: Option<u64>,
}

/// What an entry says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum EntryWord {
    /// Revoked, for this reason.
    Revoked(RevocationReason),
    /// No longer listed, since the certificate has ended: in delta lists only.
    Removed,
}

/// An entry of a list.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Entry {
    /// Serial number; not zero.
    pub serial: u64,
    /// When the certificate was revoked.
    pub revoked_at: UnixTime,
    /// What the entry says.
    pub word: EntryWord,
}

impl Entry {
    fn reason_code(&self) -> Option<u8> {
        match self.word {
            EntryWord::Revoked(RevocationReason::Unspecified) => None,
            EntryWord::Revoked(reason) => Some(reason.code()),
            EntryWord::Removed => Some(REMOVE_FROM_CRL),
        }
    }

    /// Octets of its encoding.
    fn length(&self) -> u64 {
        let serial = u64::from(64 - self.serial.leading_zeros()) / 8 + 1;
        let time = if (1950..2050).contains(&self.revoked_at.to_utc().0) { 15 } else { 17 };
        // The extension is a sequence in the sequence of extensions: OID of 5 octets, OCTET STRING of 5.
        let extensions = if self.reason_code().is_some() { 14 } else { 0 };
        der::whole(2 + serial + time + extensions)
    }

    fn put(&self, out: &mut Vec<u8>, reasons: &Reasons) {
        der::put_header(out, der::SEQUENCE, self.length() - 2);
        der::put_number(out, self.serial);
        der::put_time(out, self.revoked_at);
        if let Some(code) = self.reason_code() {
            out.extend_from_slice(reasons.of(code));
        }
    }
}

/// The encoded extensions of an entry by reason code: there are nine, and millions of entries.
struct Reasons(Vec<Vec<u8>>);

impl Reasons {
    fn new() -> Self {
        let encoded = |code| {
            let code = der::tlv(der::ENUMERATED, &[code]);
            der::sequence(&[extension(REASON_CODE, false, &code)])
        };
        Self((0..=10).map(encoded).collect())
    }

    fn of(&self, code: u8) -> &[u8] {
        self.0.get(usize::from(code)).map_or(&[], Vec::as_slice)
    }
}

/// A list that was written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Written {
    /// Its length in bytes.
    pub bytes: u64,
    /// SHA-256 over them.
    pub sha256: Sha256Digest,
    /// Its entries.
    pub entries: u64,
}

/// Why a list was not written.
#[derive(Debug, thiserror::Error)]
pub enum WriteError {
    /// The sink took no more.
    #[error(transparent)]
    Io(#[from] io::Error),
    /// The key does not sign: a fault of this program.
    #[error(transparent)]
    Sign(#[from] SignError),
    /// The iterator gave other entries when it was gone through again: a fault of this program.
    #[error("the entries of a list changed while it was written")]
    Unsteady,
}

/// The sink with a buffer in front and the digests behind.
struct Out<'a> {
    sink: &'a mut dyn io::Write,
    buffer: Vec<u8>,
    whole: Hasher,
    to_be_signed: Hasher,
    bytes: u64,
}

impl Out<'_> {
    /// Passes the buffer on. `signed`: whether it belongs to what is signed.
    fn flush(&mut self, signed: bool) -> io::Result<()> {
        self.whole.update(&self.buffer);
        if signed {
            self.to_be_signed.update(&self.buffer);
        }
        self.bytes += self.buffer.len() as u64;
        self.sink.write_all(&self.buffer)?;
        self.buffer.clear();
        Ok(())
    }
}

fn digest_of(hasher: Hasher) -> Sha256Digest {
    let mut digest = [0; 32];
    digest.iter_mut().zip(hasher.finish().as_ref()).for_each(|(to, from)| *to = *from);
    digest
}

/// Writes one list, DER. `entries` come in the order of the list and are gone through twice. `progress` is told
/// the bytes written and those that there will be.
pub(crate) fn write_list<I>(
    sink: &mut dyn io::Write,
    key: &NationKey,
    head: &ListHead,
    entries: I,
    progress: &mut dyn FnMut(u64, u64),
) -> Result<Written, WriteError>
where
    I: Iterator<Item = Entry> + Clone,
{
    let (mut count, mut length) = (0_u64, 0_u64);
    for entry in entries.clone() {
        count += 1;
        length += entry.length();
    }
    let before = [
        der::unsigned(&[1]),
        sha256_with_rsa(),
        authority_name(head.authority),
        der::time(head.this_update),
        der::time(head.next_update),
    ]
    .concat();
    let after = der::context(0, &der::sequence(&extensions(key, head)));
    // revokedCertificates is absent where nothing is revoked (RFC 5280 5.1.2.6).
    let listed = if count == 0 { 0 } else { der::whole(length) };
    let content = before.len() as u64 + listed + after.len() as u64;
    let trailer_length = sha256_with_rsa().len() as u64 + der::whole(1 + SIGNATURE);
    let whole = der::whole(content) + trailer_length;
    let total = der::whole(whole);

    let sha256 = || Hasher::new(DigestAlgorithm::Sha256);
    let buffer = Vec::with_capacity(BUFFER + 128);
    let mut out = Out { sink, buffer, whole: sha256(), to_be_signed: sha256(), bytes: 0 };
    der::put_header(&mut out.buffer, der::SEQUENCE, whole);
    out.flush(false)?;
    der::put_header(&mut out.buffer, der::SEQUENCE, content);
    out.buffer.extend(before);
    if count > 0 {
        der::put_header(&mut out.buffer, der::SEQUENCE, length);
    }
    let reasons = Reasons::new();
    let mut written = 0;
    for entry in entries {
        entry.put(&mut out.buffer, &reasons);
        written += 1;
        if out.buffer.len() >= BUFFER {
            out.flush(true)?;
            progress(out.bytes, total);
        }
    }
    out.buffer.extend(after);
    out.flush(true)?;
    let signature = key.sign_digest(&digest_of(out.to_be_signed.clone()))?;
    out.buffer.extend(sha256_with_rsa());
    out.buffer.extend(der::bit_string(&signature));
    out.flush(false)?;
    progress(out.bytes, total);
    if (written, out.bytes) != (count, total) {
        return Err(WriteError::Unsteady);
    }
    Ok(Written { bytes: out.bytes, sha256: digest_of(out.whole), entries: count })
}

/// Octets of a signature: every key of the nation has 2048 bits.
const SIGNATURE: u64 = 256;

fn extensions(key: &NationKey, head: &ListHead) -> Vec<Vec<u8>> {
    let number = |number: u64| der::unsigned(&number.to_be_bytes());
    let mut extensions =
        vec![key_identifier_only(key.key_id()), extension(CRL_NUMBER, false, &number(head.number))];
    extensions.extend(head.base.map(|base| extension(DELTA_CRL_INDICATOR, true, &number(base))));
    if let Scope::Municipality(municipality) = head.scope {
        let point = der::sequence(&[partition_of(head.authority, municipality)]);
        extensions.push(extension(ISSUING_DISTRIBUTION_POINT, true, &point));
    }
    extensions
}

/// Merges what came onto a list and what left it into the entries of a delta list, both by serial number.
pub(crate) fn merged<A, R>(added: A, removed: R) -> Merged<A, R>
where
    A: Iterator<Item = Entry> + Clone,
    R: Iterator<Item = Entry> + Clone,
{
    Merged { added: added.peekable(), removed: removed.peekable() }
}

/// See [`merged()`].
#[derive(Clone)]
pub(crate) struct Merged<A: Iterator<Item = Entry> + Clone, R: Iterator<Item = Entry> + Clone> {
    added: std::iter::Peekable<A>,
    removed: std::iter::Peekable<R>,
}

impl<A: Iterator<Item = Entry> + Clone, R: Iterator<Item = Entry> + Clone> Iterator for Merged<A, R> {
    type Item = Entry;

    fn next(&mut self) -> Option<Entry> {
        match (self.added.peek(), self.removed.peek()) {
            (Some(added), Some(removed)) if removed.serial < added.serial => self.removed.next(),
            (Some(_), _) => self.added.next(),
            (None, _) => self.removed.next(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::keys::{DEFAULT_SEED, authority_label, derive};

    #[test]
    fn an_entry_has_the_length_that_was_said_before() {
        let reasons = Reasons::new();
        let years = [UnixTime(1_775_012_400), UnixTime::from_utc(2051, 1, 1, 0, 0, 0).unwrap()];
        for serial in [1, 0x7F, 0x80, 0xFF, 0x7FFF, 0x8000, 0x00FF_FFFF, u64::from(u32::MAX), u64::MAX] {
            for revoked_at in years {
                for word in [
                    EntryWord::Revoked(RevocationReason::Unspecified),
                    EntryWord::Revoked(RevocationReason::Superseded),
                    EntryWord::Removed,
                ] {
                    let entry = Entry { serial, revoked_at, word };
                    let mut out = Vec::new();
                    entry.put(&mut out, &reasons);
                    assert_eq!(out.len() as u64, entry.length(), "{entry:?}");
                }
            }
        }
    }

    #[test]
    fn the_signature_over_pieces_is_the_signature_over_the_whole() {
        let key = derive(DEFAULT_SEED, &authority_label(AuthorityKind::DigitalSignature, 1)).unwrap();
        let digest = musubi_crypto::sha256(b"musubi");
        assert_eq!(key.sign_digest(&digest).unwrap(), key.sign(b"musubi").unwrap());
    }

    #[test]
    fn entries_that_change_between_the_passes_give_no_list() {
        #[derive(Clone)]
        struct Shrinking(std::rc::Rc<std::cell::Cell<u64>>);
        impl Iterator for Shrinking {
            type Item = Entry;
            fn next(&mut self) -> Option<Entry> {
                let left = self.0.get().checked_sub(1)?;
                self.0.set(left);
                let word = EntryWord::Revoked(RevocationReason::Superseded);
                Some(Entry { serial: 9 - left, revoked_at: UnixTime(0), word })
            }
        }
        let key = derive(DEFAULT_SEED, &authority_label(AuthorityKind::DigitalSignature, 1)).unwrap();
        let head = ListHead {
            authority: AuthorityKind::DigitalSignature,
            number: 1,
            this_update: UnixTime(1_775_012_400),
            next_update: UnixTime(1_775_112_400),
            scope: Scope::Full,
            base: None,
        };
        let entries = Shrinking(std::rc::Rc::new(std::cell::Cell::new(3)));
        let refused = write_list(&mut Vec::new(), &key, &head, entries, &mut |_, _| ());
        assert!(matches!(refused, Err(WriteError::Unsteady)));
    }
}
