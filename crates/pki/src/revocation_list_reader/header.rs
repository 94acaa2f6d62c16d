//! What stands in a list before and behind its entries, read without the entries: lengths in the opening bytes tell where
//! everything lies.

use const_oid::ObjectIdentifier;
use der::Tag;
use musubi_crypto::{DigestAlgorithm, SignatureAlgorithm};
use musubi_kernel::UnixTime;

use super::Wanted;
use crate::asn1::{Algorithm, Elements, Malformed, constructed, primitive, whole};
use crate::crl_error::CrlError;
use crate::extensions::{AuthorityKeyIdentifier, authority_key_id, full_name};
use crate::oid;
use crate::source::Source;
use crate::status_set::{narrow, wide};

/// Bytes before the entries, at most: the issuer's name and little else.
const LONGEST_OPENING: usize = 64 << 10;
/// Bytes behind the entries, at most: extensions and the signature.
const LONGEST_CLOSING: usize = 1 << 20;

/// The bytes of a list that are not entries.
pub(crate) struct Pieces {
    opening: Vec<u8>,
    /// Where in `opening` the fields of what was signed begin.
    fields: usize,
    /// What was signed: where it begins and ends.
    pub(crate) signed: (u64, u64),
    /// The content of `revokedCertificates`: where it begins and ends.
    entries: (u64, u64),
    closing: Vec<u8>,
    /// How many bytes of `closing` were signed.
    signed_closing: usize,
}

/// A list whose signature has not been verified and whose entries have not been read.
pub(crate) struct Header<'a> {
    pub(crate) signature: &'a [u8],
    pub(crate) signature_algorithm: Result<SignatureAlgorithm, ObjectIdentifier>,
    /// DER of the issuer's name.
    pub(crate) issuer: &'a [u8],
    pub(crate) this_update: UnixTime,
    pub(crate) next_update: UnixTime,
    /// Where the entries begin and end; at one place if there are none.
    pub(crate) entries: (u64, u64),
    pub(crate) number: u64,
    pub(crate) authority_key_id: Option<AuthorityKeyIdentifier<'a>>,
    /// DER of the directory name of the partition.
    pub(crate) partition: Option<&'a [u8]>,
    /// `BaseCRLNumber`, of a delta.
    pub(crate) base: Option<u64>,
}

/// The fields before the entries.
struct Fields<'a> {
    algorithm: Algorithm<'a>,
    issuer: &'a [u8],
    this_update: UnixTime,
    next_update: UnixTime,
}

impl<'a> Fields<'a> {
    fn read(fields: &mut Elements<'a>) -> Result<Self, CrlError> {
        let version = fields.optional(Tag::Integer)?.ok_or(CrlError::Version)?;
        if version.value != [1] {
            return Err(CrlError::Version);
        }
        let algorithm = fields.algorithm()?;
        let issuer = fields.name()?;
        let this_update = fields.time()?;
        // Not asked of the element, which the entries may be: those do not end here.
        if !matches!(fields.rest().first(), Some(0x17 | 0x18)) {
            return Err(CrlError::NextUpdateMissing);
        }
        let next_update = fields.time()?;
        if next_update <= this_update {
            return Err(CrlError::TimesOutOfOrder);
        }
        Ok(Self { algorithm, issuer, this_update, next_update })
    }
}

/// The header of a SEQUENCE: octets before its value and of its value.
fn sequence(bytes: &[u8]) -> Result<(usize, usize), Malformed> {
    match Elements::header_of_first(bytes)?.ok_or(Malformed)? {
        (Tag::Sequence, start, length) => Ok((start, length)),
        _ => Err(Malformed),
    }
}

/// Where what is signed begins and ends, and with which digest, from the first bytes of a list.
pub(super) fn opening(bytes: &[u8]) -> Option<(u64, u64, DigestAlgorithm)> {
    let (outer, _) = sequence(bytes).ok()?;
    let inner = bytes.get(outer..)?;
    let (start, length) = sequence(inner).ok()?;
    let mut fields = Elements::beginning(inner.get(start..)?);
    fields.optional(Tag::Integer).ok()??;
    let algorithm = fields.algorithm().ok()?.signature().ok()?.ok()?.digest()?;
    Some((wide(outer), wide(outer).checked_add(wide(start))?.checked_add(wide(length))?, algorithm))
}

impl Pieces {
    pub(crate) fn read(source: &dyn Source) -> Result<Self, CrlError> {
        let end = source.len();
        let opening = part(source, 0, end.min(wide(LONGEST_OPENING)))?;
        let (outer, length) = sequence(&opening)?;
        if wide(outer) + wide(length) != end {
            return Err(CrlError::Malformed);
        }
        let inner = opening.get(outer..).ok_or(Malformed)?;
        let (start, length) = sequence(inner)?;
        let fields = outer + start;
        let signed_end = wide(fields) + wide(length);
        if signed_end > end {
            return Err(CrlError::Malformed);
        }
        let content = opening.get(fields..narrow(signed_end).min(opening.len())).ok_or(Malformed)?;
        let mut elements = Elements::beginning(content);
        Fields::read(&mut elements)?;
        let behind = signed_end.min(wide(opening.len())) - wide(elements.rest().len());
        let (entries, closing_at) = entries_at(source, behind, signed_end)?;
        if end - closing_at > wide(LONGEST_CLOSING) {
            return Err(CrlError::Malformed);
        }
        let closing = part(source, closing_at, end)?;
        let signed_closing = narrow(signed_end - closing_at);
        Ok(Self { opening, fields, signed: (wide(outer), signed_end), entries, closing, signed_closing })
    }

    pub(crate) fn parse(&self, wanted: Wanted) -> Result<Header<'_>, CrlError> {
        let fields = self.opening.get(self.fields..).ok_or(Malformed)?;
        let fields = Fields::read(&mut Elements::beginning(fields))?;
        let (signed, unsigned) = self.closing.split_at_checked(self.signed_closing).ok_or(Malformed)?;
        let (algorithm, signature) = whole(unsigned, |parts| {
            let algorithm = parts.algorithm()?;
            Ok::<_, Malformed>((algorithm, parts.bytes_of_bit_string()?))
        })?;
        if fields.algorithm.raw != algorithm.raw {
            return Err(CrlError::SignatureAlgorithm);
        }
        let signature_algorithm = algorithm.signature().map_err(|Malformed| CrlError::SignatureAlgorithm)?;
        let extensions = whole(signed, |fields| {
            let extensions = fields.optional(constructed(0))?.ok_or(CrlError::Number)?;
            whole(extensions.value, |elements| ListExtensions::read(elements, wanted))
        })?;
        if wanted == Wanted::Delta && extensions.base.is_none() {
            return Err(CrlError::NotADelta);
        }
        Ok(Header {
            signature,
            signature_algorithm,
            issuer: fields.issuer,
            this_update: fields.this_update,
            next_update: fields.next_update,
            entries: self.entries,
            number: extensions.number.ok_or(CrlError::Number)?,
            authority_key_id: extensions.authority_key_id,
            partition: extensions.partition,
            base: extensions.base,
        })
    }
}

/// Where the content of `revokedCertificates` begins and ends, and where what follows begins.
fn entries_at(source: &dyn Source, at: u64, signed_end: u64) -> Result<((u64, u64), u64), CrlError> {
    let header = part(source, at, signed_end.min(at + 6))?;
    // RFC 5280 5.1.2.6: absent if there are none.
    if header.first() != Some(&0x30) {
        return Ok(((at, at), at));
    }
    let (start, length) = sequence(&header)?;
    let (from, to) = (at + wide(start), at + wide(start) + wide(length));
    if length == 0 || to > signed_end {
        return Err(CrlError::Malformed);
    }
    Ok(((from, to), to))
}

fn part(source: &dyn Source, from: u64, to: u64) -> Result<Vec<u8>, CrlError> {
    let mut part = vec![0; narrow(to - from)];
    source.read_at(from, &mut part)?;
    Ok(part)
}

#[derive(Default)]
struct ListExtensions<'a> {
    number: Option<u64>,
    authority_key_id: Option<AuthorityKeyIdentifier<'a>>,
    partition: Option<&'a [u8]>,
    base: Option<u64>,
}

impl<'a> ListExtensions<'a> {
    fn read(elements: &mut Elements<'a>, wanted: Wanted) -> Result<Self, CrlError> {
        let mut out = Self::default();
        elements.extensions(
            |oid| CrlError::DuplicateExtension { oid },
            |id, critical, value| out.take(id, critical, value, wanted),
        )?;
        Ok(out)
    }

    fn take(
        &mut self,
        id: ObjectIdentifier,
        critical: bool,
        value: &'a [u8],
        wanted: Wanted,
    ) -> Result<(), CrlError> {
        let malformed = |Malformed| CrlError::Extension { oid: id };
        match id {
            oid::CRL_NUMBER => {
                self.number =
                    Some(whole(value, Elements::small_unsigned).map_err(|Malformed| CrlError::Number)?);
            }
            oid::AUTHORITY_KEY_IDENTIFIER => {
                self.authority_key_id = Some(authority_key_id(value).map_err(malformed)?);
            }
            oid::ISSUING_DISTRIBUTION_POINT => {
                // RFC 5280 5.2.5: critical, so that nobody takes a part for the whole.
                if !critical {
                    return Err(CrlError::DistributionPointUnsupported);
                }
                self.partition = Some(partition(value)?);
            }
            // Whatever it says: such a list is never a complete one.
            oid::DELTA_CRL_INDICATOR if wanted == Wanted::Complete => return Err(CrlError::DeltaUnsupported),
            oid::DELTA_CRL_INDICATOR => {
                // RFC 5280 5.2.4: critical, so that nobody takes it for the whole.
                if !critical {
                    return Err(CrlError::Extension { oid: id });
                }
                self.base = Some(whole(value, Elements::small_unsigned).map_err(malformed)?);
            }
            oid if critical => return Err(CrlError::UnknownCriticalExtension { oid }),
            _ => {}
        }
        Ok(())
    }
}

/// `IssuingDistributionPoint` (RFC 5280 5.2.5): the one directory name.
fn partition(value: &[u8]) -> Result<&[u8], CrlError> {
    whole(value, |outer| {
        outer.inside(Tag::Sequence, |fields| {
            let mut name = None;
            fields.each(|fields| {
                let field = fields.any()?;
                match field.tag {
                    tag if tag == constructed(0) && name.is_none() => name = whole(field.value, full_name)?,
                    tag if tag == primitive(1) || tag == primitive(2) || tag == primitive(5) => {
                        return Err(CrlError::OnlyContainsUnsupported);
                    }
                    tag if tag == primitive(3) => return Err(CrlError::OnlySomeReasonsUnsupported),
                    tag if tag == primitive(4) => return Err(CrlError::IndirectUnsupported),
                    _ => return Err(CrlError::Extension { oid: oid::ISSUING_DISTRIBUTION_POINT }),
                }
                Ok(())
            })?;
            name.ok_or(CrlError::DistributionPointUnsupported)
        })
    })
}
