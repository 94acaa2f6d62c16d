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
        self.for_each_text(|id, text| {
            if id == attribute {
                texts.push(text);
            }
        });
        texts
    }

    /// Every attribute and its text, in order.
    pub(crate) fn for_each_text(self, mut visit: impl FnMut(ObjectIdentifier, &'a str)) {
        // The shape was checked when the name was read.
        let _ = asn1::for_each_attribute(self.0, |id, value| {
            if let Ok(text) = asn1::text(value) {
                visit(id, text);
            }
        });
    }

    /// The organization, if there is exactly one.
    pub(crate) fn organization(self) -> Option<&'a str> {
        let (mut found, mut count) = (None, 0_u32);
        self.for_each_text(|id, text| {
            if id == oid::ORGANIZATION_NAME {
                found = Some(text);
                count = count.saturating_add(1);
            }
        });
        found.filter(|_| count == 1)
    }
}

impl fmt::Debug for DistinguishedName<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // A subject's common name is as personal as a serial number.
        f.write_str("DistinguishedName(…)")
    }
}
