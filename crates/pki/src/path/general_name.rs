//! `GeneralName` and `Name` (RFC 5280 4.2.1.6, 4.1.2.4), and when two names are the same (RFC 5280 7.1): by
//! attribute, ignoring case and the amount of white space in texts, otherwise byte by byte. Full Unicode
//! preparation (RFC 4518) is not done: texts that differ in more than this are different names, which refuses.

use std::borrow::Cow;

use const_oid::ObjectIdentifier;
use der::Tag;

use crate::asn1::{self, Element, Elements, Malformed, constructed, primitive, whole};

/// The most names that one `GeneralNames` may hold.
const MAX_NAMES: usize = 2_048;

/// One `GeneralName`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum GeneralName<'a> {
    /// `otherName`: its type, and DER of its value.
    Other(ObjectIdentifier, &'a [u8]),
    /// `rfc822Name`.
    Mail(&'a str),
    /// `dNSName`.
    Dns(&'a str),
    /// `x400Address`, unread.
    X400(&'a [u8]),
    /// `directoryName`: DER of the `Name`.
    Directory(&'a [u8]),
    /// `ediPartyName`, unread.
    EdiParty(&'a [u8]),
    /// `uniformResourceIdentifier`.
    Uri(&'a str),
    /// `iPAddress`: 4 or 16 bytes; twice that in name constraints.
    Ip(&'a [u8]),
    /// `registeredID`.
    RegisteredId(ObjectIdentifier),
}

impl<'a> GeneralName<'a> {
    /// Reads the next one.
    pub(crate) fn read(names: &mut Elements<'a>) -> Result<Self, Malformed> {
        let name = names.any()?;
        let ascii = || std::str::from_utf8(name.value).ok().filter(|text| text.is_ascii()).ok_or(Malformed);
        match name.tag {
            tag if tag == constructed(0) => whole(name.value, |other| {
                let id = other.oid()?;
                Ok(Self::Other(id, other.element(constructed(0))?.value))
            }),
            tag if tag == primitive(1) => Ok(Self::Mail(ascii()?)),
            tag if tag == primitive(2) => Ok(Self::Dns(ascii()?)),
            tag if tag == constructed(3) => Ok(Self::X400(name.value)),
            tag if tag == constructed(4) => Ok(Self::Directory(whole(name.value, Elements::name)?)),
            tag if tag == constructed(5) => Ok(Self::EdiParty(name.value)),
            tag if tag == primitive(6) => Ok(Self::Uri(ascii()?)),
            tag if tag == primitive(7) => Ok(Self::Ip(name.value)),
            tag if tag == primitive(8) => {
                Ok(Self::RegisteredId(asn1::decode(Element { tag: Tag::ObjectIdentifier, ..name })?))
            }
            _ => Err(Malformed),
        }
    }

    /// Reads all that is left.
    pub(crate) fn read_all(names: &mut Elements<'a>) -> Result<Vec<Self>, Malformed> {
        let mut out = Vec::new();
        names.each(|names| {
            if out.len() == MAX_NAMES {
                return Err(Malformed);
            }
            out.push(Self::read(names)?);
            Ok(())
        })?;
        Ok(out)
    }

    /// Whether both name the same (RFC 5280 7.1, 7.2).
    #[must_use]
    pub fn is_same(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Directory(a), Self::Directory(b)) => same_name(a, b),
            (Self::Dns(a), Self::Dns(b)) => a.eq_ignore_ascii_case(b),
            _ => self == other,
        }
    }
}

/// One attribute of a relative distinguished name.
#[derive(Debug, Clone, Copy)]
struct Attribute<'a> {
    id: ObjectIdentifier,
    value: Element<'a>,
}

/// The relative distinguished names of a `Name`, each with its attributes.
fn relative_names(name: &[u8]) -> Result<Vec<Vec<Attribute<'_>>>, Malformed> {
    let mut out = Vec::new();
    whole(name, |outer| {
        outer.inside(Tag::Sequence, |rdns| {
            rdns.each(|rdns| {
                let mut attributes = Vec::new();
                rdns.inside(Tag::Set, |set| {
                    set.each(|set| {
                        set.inside(Tag::Sequence, |attribute| {
                            attributes.push(Attribute { id: attribute.oid()?, value: attribute.any()? });
                            Ok::<(), Malformed>(())
                        })
                    })
                })?;
                out.push(attributes);
                Ok::<(), Malformed>(())
            })
        })
    })?;
    Ok(out)
}

/// Whether two `Name`s (DER) are the same (RFC 5280 7.1).
#[must_use]
pub fn same_name(a: &[u8], b: &[u8]) -> bool {
    a == b
        || match (relative_names(a), relative_names(b)) {
            (Ok(a), Ok(b)) => a.len() == b.len() && starts_with(&a, &b),
            _ => false,
        }
}

/// Whether `name` stands in the subtree under `base` (RFC 5280 7.1): `base` is a prefix of it.
#[must_use]
pub(crate) fn is_in_subtree(name: &[u8], base: &[u8]) -> bool {
    match (relative_names(name), relative_names(base)) {
        (Ok(name), Ok(base)) => name.len() >= base.len() && starts_with(&name, &base),
        _ => false,
    }
}

fn starts_with(name: &[Vec<Attribute<'_>>], base: &[Vec<Attribute<'_>>]) -> bool {
    name.iter().zip(base).all(|(a, b)| {
        a.len() == b.len() && a.iter().all(|x| b.iter().any(|y| x.id == y.id && same_value(x.value, y.value)))
    })
}

fn same_value(a: Element<'_>, b: Element<'_>) -> bool {
    a.raw == b.raw || matches!((folded(a), folded(b)), (Some(a), Some(b)) if a == b)
}

/// The text in lower case, without white space at its ends, with single spaces inside.
fn folded(value: Element<'_>) -> Option<String> {
    let text: Cow<'_, str> = match value.tag {
        Tag::TeletexString => value.value.iter().map(|byte| char::from(*byte)).collect::<String>().into(),
        Tag::BmpString => {
            let (pairs, []) = value.value.as_chunks::<2>() else { return None };
            char::decode_utf16(pairs.iter().map(|pair| u16::from_be_bytes(*pair)))
                .collect::<Result<String, _>>()
                .ok()?
                .into()
        }
        _ => asn1::text(value).ok()?.into(),
    };
    Some(text.split_whitespace().collect::<Vec<_>>().join(" ").to_lowercase())
}
