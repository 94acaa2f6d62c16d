//! Distinguished names (RFC 5280 4.1.2.4), compared byte by byte: two names are equal if their DER is.

use std::fmt;

use const_oid::ObjectIdentifier;

use crate::asn1;
use crate::oid;

/// A distinguished name as it stands in a certificate or a revocation list.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct DistinguishedName<'a>(&'a [u8]);

impl<'a> DistinguishedName<'a> {
    /// `raw` has been read as a `Name` before.
    pub(crate) fn read(raw: &'a [u8]) -> Self {
        Self(raw)
    }

    /// The DER of the `Name`.
    #[must_use]
    pub fn as_der(self) -> &'a [u8] {
        self.0
    }

    /// The texts of every attribute of this type, in order; attributes of unusual string types are left out.
    #[must_use]
    pub fn texts(self, attribute: ObjectIdentifier) -> Vec<&'a str> {
        let mut texts = Vec::new();
        // The shape was checked when the name was read.
        let _ = asn1::for_each_attribute(self.0, |id, value| {
            if id == attribute {
                texts.extend(asn1::text(value).ok());
            }
        });
        texts
    }

    /// The organization, if there is exactly one.
    pub(crate) fn organization(self) -> Option<&'a str> {
        match self.texts(oid::ORGANIZATION_NAME).as_slice() {
            [one] => Some(one),
            _ => None,
        }
    }
}

impl fmt::Debug for DistinguishedName<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // A subject's common name is as personal as a serial number.
        f.write_str("DistinguishedName(…)")
    }
}
