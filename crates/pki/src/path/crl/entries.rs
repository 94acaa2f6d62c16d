//! The entries of a list (RFC 5280 5.3), read in one pass each time one is looked for: nothing is kept or allocated
//! per entry. The whole list is read even if the entry was found, since one entry that is not understood makes
//! all of it unusable.

use der::Tag;
use musubi_kernel::UnixTime;

use super::list::List;
use crate::asn1::{Elements, Malformed, whole};
use crate::key::RevocationReason;
use crate::oid;
use crate::path::general_name::{GeneralName, same_name};
use crate::path::status::Unusable;

/// What an entry says of its certificate.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Standing {
    /// It is revoked or on hold.
    Revoked(RevocationReason),
    /// `removeFromCRL`: it is to be taken off the list that a delta list brings up to date.
    Removed,
}

/// One entry.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Entry {
    /// `revocationDate`.
    pub(super) at: UnixTime,
    pub(super) standing: Standing,
}

/// The entry extensions that are understood. `invalidityDate` is passed over: it says since when the key is
/// suspected, which is information for people (RFC 5280 5.3.2); revoked the certificate is from `revocationDate` on.
#[derive(Default)]
struct EntryExtensions<'a> {
    reason: Option<u8>,
    /// The value of `certificateIssuer`.
    issuer: Option<&'a [u8]>,
}

impl List<'_> {
    /// The entry of the certificate with this issuer's name (DER) and serial number (content octets).
    ///
    /// # Errors
    /// [`Unusable::Malformed`], also if the certificate is listed twice; [`Unusable::UnknownCritical`].
    pub(super) fn entry_of(&self, issuer: &[u8], serial: &[u8]) -> Result<Option<Entry>, Unusable> {
        let serial = significant(serial);
        // RFC 5280 5.3.3: entries are of the list's issuer until one names another, whose all following ones are.
        let mut is_of_issuer = same_name(self.issuer, issuer);
        let mut named = None;
        let mut found = None;
        whole(self.revoked, |list| {
            list.each(|list| {
                list.inside(Tag::Sequence, |entry| {
                    let number = entry.element(Tag::Integer)?.value;
                    if number.is_empty() || number.len() > 21 || significant(number) != number {
                        return Err(Unusable::Malformed);
                    }
                    let at = entry.time_of_any_form()?;
                    let extensions = match entry.is_empty() {
                        true => EntryExtensions::default(),
                        false if self.has_extensions => EntryExtensions::read(entry)?,
                        false => return Err(Unusable::Malformed),
                    };
                    if let Some(value) = extensions.issuer {
                        if !self.is_indirect() {
                            return Err(Unusable::Malformed);
                        }
                        if named != Some(value) {
                            is_of_issuer = names(value, issuer)?;
                            named = Some(value);
                        }
                    }
                    let standing = self.standing(extensions.reason)?;
                    if is_of_issuer && number == serial && found.replace(Entry { at, standing }).is_some() {
                        return Err(Unusable::Malformed);
                    }
                    Ok(())
                })
            })
        })?;
        Ok(found)
    }

    fn standing(&self, reason: Option<u8>) -> Result<Standing, Unusable> {
        match reason {
            None => Ok(Standing::Revoked(RevocationReason::Unspecified)),
            // RFC 5280 5.3.1: only in delta lists.
            Some(8) if self.is_delta() => Ok(Standing::Removed),
            Some(code) => RevocationReason::from_code(code).map(Standing::Revoked).ok_or(Unusable::Malformed),
        }
    }
}

impl<'a> EntryExtensions<'a> {
    fn read(entry: &mut Elements<'a>) -> Result<Self, Unusable> {
        let mut out = Self::default();
        entry.inside(Tag::Sequence, |list| {
            if list.is_empty() {
                return Err(Unusable::Malformed);
            }
            list.each(|list| list.inside(Tag::Sequence, |extension| out.take(extension)))
        })?;
        Ok(out)
    }

    fn take(&mut self, extension: &mut Elements<'a>) -> Result<(), Unusable> {
        let id = extension.oid()?;
        let critical = extension.default_false()?;
        let value = extension.element(Tag::OctetString)?.value;
        let again = match id {
            oid::REASON_CODE => {
                let [code] = *whole(value, |v| v.element(Tag::Enumerated))?.value else {
                    return Err(Unusable::Malformed);
                };
                self.reason.replace(code).is_some()
            }
            oid::CERTIFICATE_ISSUER => self.issuer.replace(value).is_some(),
            oid::INVALIDITY_DATE => false,
            // RFC 5280 5.3: then the list must not be used for any certificate.
            _ if critical => return Err(Unusable::UnknownCritical),
            _ => false,
        };
        if again { Err(Unusable::Malformed) } else { Ok(()) }
    }
}

/// Whether `certificateIssuer` names this issuer.
fn names(value: &[u8], issuer: &[u8]) -> Result<bool, Malformed> {
    let names = whole(value, |v| v.inside(Tag::Sequence, GeneralName::read_all))?;
    Ok(names.iter().any(|name| matches!(name, GeneralName::Directory(name) if same_name(name, issuer))))
}

/// The content octets of an INTEGER without those that only repeat the sign (X.690 8.3.2).
fn significant(mut integer: &[u8]) -> &[u8] {
    while let [first, second, ..] = integer {
        if !matches!((first, second >> 7), (0x00, 0) | (0xFF, 1)) {
            break;
        }
        integer = integer.get(1..).unwrap_or_default();
    }
    integer
}
