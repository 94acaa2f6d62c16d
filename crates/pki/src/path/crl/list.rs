//! Reading of revocation lists (RFC 5280 5.1, 5.2): version 1 or 2, complete or delta, direct or indirect. Borrows
//! from the DER and leaves the entries unread; verifies nothing.

use const_oid::ObjectIdentifier;
use der::Tag;
use musubi_crypto::{Sha256Digest, SignatureAlgorithm, sha256};
use musubi_kernel::UnixTime;

use crate::asn1::{self, Elements, Malformed, constructed, primitive, signed, whole};
use crate::oid;
use crate::path::extensions::{PointName, ReasonFlags, bits, issuer_key_id, point_name};
use crate::path::status::{Unusable, Window};

/// A parsed list of which nothing has been verified and no entry has been read.
pub(crate) struct List<'a> {
    /// All of it.
    pub(super) der: &'a [u8],
    /// What its issuer signed.
    pub(super) tbs: &'a [u8],
    pub(super) signature: &'a [u8],
    pub(super) signature_algorithm: Result<SignatureAlgorithm, ObjectIdentifier>,
    /// DER of the issuer's name.
    pub(super) issuer: &'a [u8],
    pub(super) this_update: UnixTime,
    pub(super) next_update: Option<UnixTime>,
    /// The content of `revokedCertificates`; empty if there are none.
    pub(super) revoked: &'a [u8],
    /// Whether entries may have extensions: version 2.
    pub(super) has_extensions: bool,
    pub(super) extensions: ListExtensions<'a>,
}

/// `cRLNumber` or `BaseCRLNumber`: big-endian without leading zeros.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Number<'a>(&'a [u8]);

impl Ord for Number<'_> {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        (self.0.len(), self.0).cmp(&(other.0.len(), other.0))
    }
}

impl PartialOrd for Number<'_> {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

/// To which kind of certificates a list is limited.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Only {
    User,
    Authority,
    Attribute,
}

/// `issuingDistributionPoint` (RFC 5280 5.2.5).
#[derive(Debug)]
pub(super) struct IssuingPoint<'a> {
    /// The extension's value.
    pub(super) raw: &'a [u8],
    pub(super) name: Option<PointName<'a>>,
    pub(super) only: Option<Only>,
    /// All if absent.
    pub(super) reasons: Option<ReasonFlags>,
    pub(super) is_indirect: bool,
}

/// What a list's extensions say.
#[derive(Debug, Default)]
pub(super) struct ListExtensions<'a> {
    /// The value of `authorityKeyIdentifier`.
    pub(super) authority_key_id: Option<&'a [u8]>,
    /// The key identifier in it.
    pub(super) key_id: Option<&'a [u8]>,
    pub(super) number: Option<Number<'a>>,
    /// `BaseCRLNumber`: it is a delta list.
    pub(super) base: Option<Number<'a>>,
    pub(super) point: Option<IssuingPoint<'a>>,
    /// `expiredCertsOnCRL`: certificates that expired at this time or later are still on it.
    pub(super) keeps_expired_since: Option<UnixTime>,
}

impl<'a> List<'a> {
    /// Reads one list, all of `der`, of at most `limit` bytes.
    ///
    /// # Errors
    /// [`Unusable::TooMuchWork`] if it is longer, [`Unusable::Malformed`], [`Unusable::UnknownCritical`].
    pub(crate) fn parse(der: &'a [u8], limit: usize) -> Result<Self, Unusable> {
        if der.len() > limit {
            return Err(Unusable::TooMuchWork);
        }
        let (tbs, algorithm, signature) =
            signed(der, |tbs, algorithm, signature| Ok::<_, Malformed>((tbs, algorithm, signature)))?;
        whole(tbs.value, |fields| {
            let has_extensions = match fields.optional(Tag::Integer)?.map(|e| e.value) {
                // RFC 5280 5.1.2.1 and 5: absent in version 1, which is to be processed.
                None => false,
                Some([1]) => true,
                Some(_) => return Err(Unusable::Malformed),
            };
            if fields.algorithm()?.raw != algorithm.raw {
                return Err(Unusable::Malformed);
            }
            let signature_algorithm = algorithm.signature_or_sha1()?;
            let issuer = fields.name()?;
            let this_update = fields.time_of_any_form()?;
            let next_update = next_update(fields)?;
            if next_update.is_some_and(|next| next <= this_update) {
                return Err(Unusable::Malformed);
            }
            let revoked = match fields.optional(Tag::Sequence)? {
                // RFC 5280 5.1.2.6: absent if there are none.
                Some(list) if list.value.is_empty() => return Err(Unusable::Malformed),
                Some(list) => list.value,
                None => &[],
            };
            let extensions = match fields.optional(constructed(0))? {
                Some(list) if has_extensions => whole(list.value, ListExtensions::read)?,
                Some(_) => return Err(Unusable::Malformed),
                None => ListExtensions::default(),
            };
            Ok(Self {
                der,
                tbs: tbs.raw,
                signature,
                signature_algorithm,
                issuer,
                this_update,
                next_update,
                revoked,
                has_extensions,
                extensions,
            })
        })
    }

    pub(super) fn is_delta(&self) -> bool {
        self.extensions.base.is_some()
    }

    pub(super) fn is_indirect(&self) -> bool {
        self.extensions.point.as_ref().is_some_and(|point| point.is_indirect)
    }

    /// The value of `issuingDistributionPoint`.
    pub(super) fn point_der(&self) -> Option<&'a [u8]> {
        self.extensions.point.as_ref().map(|point| point.raw)
    }

    pub(super) fn window(&self) -> Window {
        Window { this_update: self.this_update, next_update: self.next_update }
    }

    pub(super) fn sha256(&self) -> Sha256Digest {
        sha256(self.der)
    }
}

impl std::fmt::Debug for List<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("List(…)")
    }
}

impl From<Malformed> for Unusable {
    fn from(_: Malformed) -> Self {
        Self::Malformed
    }
}

fn next_update(fields: &mut Elements<'_>) -> Result<Option<UnixTime>, Malformed> {
    let element = match fields.optional(Tag::UtcTime)? {
        Some(element) => Some(element),
        None => fields.optional(Tag::GeneralizedTime)?,
    };
    element.map(|e| whole(e.raw, Elements::time_of_any_form)).transpose()
}

impl<'a> ListExtensions<'a> {
    fn read(elements: &mut Elements<'a>) -> Result<Self, Unusable> {
        let mut out = Self::default();
        elements.extensions(|_| Unusable::Malformed, |id, critical, value| out.take(id, critical, value))?;
        // RFC 5280 5.2.3: every list has a number; without it a delta list has no place in their order.
        if out.base.is_some() && out.number.is_none() { Err(Unusable::Malformed) } else { Ok(out) }
    }

    fn take(&mut self, id: ObjectIdentifier, critical: bool, value: &'a [u8]) -> Result<(), Unusable> {
        match id {
            oid::CRL_NUMBER => self.number = Some(number(value)?),
            oid::DELTA_CRL_INDICATOR => self.base = Some(number(value)?),
            oid::AUTHORITY_KEY_IDENTIFIER => {
                self.key_id = issuer_key_id(value)?.key_id;
                self.authority_key_id = Some(value);
            }
            oid::ISSUING_DISTRIBUTION_POINT => self.point = Some(IssuingPoint::read(value)?),
            oid::EXPIRED_CERTS_ON_CRL => {
                let since = whole(value, |v| {
                    let element = v.element(Tag::GeneralizedTime)?;
                    whole(element.raw, Elements::time_of_any_form)
                });
                self.keeps_expired_since = Some(since?);
            }
            // Delta lists are used if they are at hand, so that nothing of it is left to be done.
            oid::FRESHEST_CRL => {}
            _ if critical => return Err(Unusable::UnknownCritical),
            _ => {}
        }
        Ok(())
    }
}

/// RFC 5280 5.2.3: up to 20 octets.
fn number(value: &[u8]) -> Result<Number<'_>, Malformed> {
    let bytes = whole(value, Elements::unsigned)?;
    if bytes.len() > 20 { Err(Malformed) } else { Ok(Number(bytes)) }
}

impl<'a> IssuingPoint<'a> {
    fn read(value: &'a [u8]) -> Result<Self, Malformed> {
        whole(value, |outer| {
            outer.inside(Tag::Sequence, |fields| {
                // RFC 5280 5.2.5: never an empty sequence.
                if fields.is_empty() {
                    return Err(Malformed);
                }
                let name = match fields.optional(constructed(0))? {
                    Some(name) => Some(whole(name.value, point_name)?),
                    None => None,
                };
                let user = flag(fields, 1)?.then_some(Only::User);
                let authority = flag(fields, 2)?.then_some(Only::Authority);
                let reasons = fields.optional(primitive(3))?.map(bits).transpose()?;
                let is_indirect = flag(fields, 4)?;
                let attribute = flag(fields, 5)?.then_some(Only::Attribute);
                let mut only = [user, authority, attribute].into_iter().flatten();
                let (only, more) = (only.next(), only.next());
                // RFC 5280 5.2.5: at most one of the three.
                if more.is_some() {
                    Err(Malformed)
                } else {
                    Ok(Self { raw: value, name, only, reasons, is_indirect })
                }
            })
        })
    }
}

/// An implicitly tagged BOOLEAN DEFAULT FALSE.
fn flag(fields: &mut Elements<'_>, number: u32) -> Result<bool, Malformed> {
    match fields.optional(primitive(number))? {
        None => Ok(false),
        Some(asn1::Element { value: [0xFF], .. }) => Ok(true),
        Some(_) => Err(Malformed),
    }
}
