//! Reading of revocation lists (RFC 5280 5.1 to 5.3). What a list means beyond its entries decides which
//! lists are read at all: no delta, indirect or partial ones.

use const_oid::ObjectIdentifier;
use der::Tag;
use musubi_crypto::SignatureAlgorithm;
use musubi_kernel::UnixTime;

use crate::asn1::{Elements, Malformed, constructed, primitive, signed, whole};
use crate::entries::Entries;
use crate::extensions::{AuthorityKeyIdentifier, authority_key_id, full_name};
use crate::key::RevocationReason;
use crate::oid;
use crate::revocation_list::CrlError;

/// A list whose signature has not been verified and whose entries have not been read.
pub(crate) struct UnverifiedList<'a> {
    pub(crate) tbs: &'a [u8],
    pub(crate) signature: &'a [u8],
    pub(crate) signature_algorithm: Result<SignatureAlgorithm, ObjectIdentifier>,
    /// DER of the issuer's name.
    pub(crate) issuer: &'a [u8],
    pub(crate) this_update: UnixTime,
    pub(crate) next_update: UnixTime,
    /// The content of `revokedCertificates`; empty if there are none.
    pub(crate) revoked: &'a [u8],
    pub(crate) number: u64,
    pub(crate) authority_key_id: Option<AuthorityKeyIdentifier<'a>>,
    /// DER of the directory name of the partition.
    pub(crate) partition: Option<&'a [u8]>,
}

impl<'a> UnverifiedList<'a> {
    pub(crate) fn parse(der: &'a [u8]) -> Result<Self, CrlError> {
        signed(der, |tbs, algorithm, signature| {
            whole(tbs.value, |fields| {
                let version = fields.optional(Tag::Integer)?.ok_or(CrlError::Version)?;
                if version.value != [1] {
                    return Err(CrlError::Version);
                }
                if fields.algorithm()?.raw != algorithm.raw {
                    return Err(CrlError::SignatureAlgorithm);
                }
                let signature_algorithm =
                    algorithm.signature().map_err(|Malformed| CrlError::SignatureAlgorithm)?;
                let issuer = fields.name()?;
                let this_update = fields.time()?;
                let next_update = fields.optional_time()?.ok_or(CrlError::NextUpdateMissing)?;
                if next_update <= this_update {
                    return Err(CrlError::TimesOutOfOrder);
                }
                let revoked = match fields.optional(Tag::Sequence)? {
                    // RFC 5280 5.1.2.6: absent if there are none.
                    Some(list) if list.value.is_empty() => return Err(CrlError::Malformed),
                    Some(list) => list.value,
                    None => &[],
                };
                let extensions = match fields.optional(constructed(0))? {
                    Some(extensions) => whole(extensions.value, ListExtensions::read)?,
                    None => return Err(CrlError::Number),
                };
                Ok(Self {
                    tbs: tbs.raw,
                    signature,
                    signature_algorithm,
                    issuer,
                    this_update,
                    next_update,
                    revoked,
                    number: extensions.number.ok_or(CrlError::Number)?,
                    authority_key_id: extensions.authority_key_id,
                    partition: extensions.partition,
                })
            })
        })
    }
}

#[derive(Default)]
struct ListExtensions<'a> {
    number: Option<u64>,
    authority_key_id: Option<AuthorityKeyIdentifier<'a>>,
    partition: Option<&'a [u8]>,
}

impl<'a> ListExtensions<'a> {
    fn read(elements: &mut Elements<'a>) -> Result<Self, CrlError> {
        let mut out = Self::default();
        elements.extensions(
            |oid| CrlError::DuplicateExtension { oid },
            |id, critical, value| out.take(id, critical, value),
        )?;
        Ok(out)
    }

    fn take(&mut self, id: ObjectIdentifier, critical: bool, value: &'a [u8]) -> Result<(), CrlError> {
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
            oid::DELTA_CRL_INDICATOR => return Err(CrlError::DeltaUnsupported),
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

/// Reads the content of `revokedCertificates`.
pub(crate) fn read_entries(revoked: &[u8]) -> Result<Entries, CrlError> {
    let mut count = 0_usize;
    whole(revoked, |list| {
        list.each(|list| {
            count = count.saturating_add(1);
            list.any().map(drop)
        })
    })?;
    let mut entries = Entries::with_capacity(count);
    whole(revoked, |list| {
        list.each(|list| {
            list.inside(Tag::Sequence, |entry| {
                let serial = entry.serial_bytes()?;
                let at = entry.time()?;
                let reason = if entry.is_empty() { RevocationReason::Unspecified } else { reason(entry)? };
                entries.push(serial, at, reason);
                Ok::<(), CrlError>(())
            })
        })
    })?;
    Ok(entries.sorted()?)
}

/// `crlEntryExtensions`: the reason. `invalidityDate` and others that are not critical are passed over.
fn reason(entry: &mut Elements<'_>) -> Result<RevocationReason, CrlError> {
    let mut reason = RevocationReason::Unspecified;
    entry.extensions(
        |oid| CrlError::DuplicateExtension { oid },
        |id, critical, value| match id {
            oid::REASON_CODE => {
                let element = whole(value, |v| v.element(Tag::Enumerated))
                    .map_err(|Malformed| CrlError::Extension { oid: id })?;
                let [code] = *element.value else {
                    return Err(CrlError::Extension { oid: id });
                };
                reason = match RevocationReason::from_code(code) {
                    Some(reason) => reason,
                    None if code == 8 => return Err(CrlError::RemoveFromCrl),
                    None => return Err(CrlError::Reason { code }),
                };
                Ok(())
            }
            oid if critical => Err(CrlError::UnknownCriticalEntryExtension { oid }),
            _ => Ok(()),
        },
    )?;
    Ok(reason)
}
