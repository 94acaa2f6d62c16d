//! `GeneralName` and `Name` (RFC 5280 4.2.1.6, 4.1.2.4), and when two names are the same (RFC 5280 7.1): by
//! attribute, ignoring case and the amount of white space in texts, otherwise byte by byte. Full Unicode
//! preparation (RFC 4518) is not done: texts that differ in more than this are different names, which refuses. Where a
//! different name would be let through, [`SubtreeName`] says which names may be the same.

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

/// A `Name` in the form in which names are compared: equal names have equal forms.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct ComparableName(Vec<Vec<u8>>);

impl ComparableName {
    /// Reads DER of a `Name`.
    pub(crate) fn read(name: &[u8]) -> Result<Self, Malformed> {
        Ok(Self(relative_names(name)?.into_iter().map(|rdn| rdn.form).collect()))
    }
}

/// A `Name` as name constraints compare it: in a subtree, or perhaps in it, since what excludes a name must not be escaped
/// by a text that only the preparation of RFC 4518 would show to be the same.
#[derive(Debug, Clone)]
pub(crate) struct SubtreeName(Vec<RelativeName>);

impl SubtreeName {
    /// Reads DER of a `Name`.
    pub(crate) fn read(name: &[u8]) -> Result<Self, Malformed> {
        relative_names(name).map(Self)
    }

    /// Whether it has no relative distinguished name.
    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Whether it stands in the subtree under `base` (RFC 5280 7.1): `base` is a prefix of it.
    pub(crate) fn is_in_subtree(&self, base: &Self) -> bool {
        base.0.len() <= self.0.len() && self.0.iter().zip(&base.0).all(|(own, base)| own.form == base.form)
    }

    /// Whether it might stand in the subtree under `base`.
    pub(crate) fn may_be_in_subtree(&self, base: &Self) -> bool {
        base.0.len() <= self.0.len()
            && self.0.iter().zip(&base.0).all(|(own, base)| {
                own.form == base.form || (own.types == base.types && !(own.is_plain && base.is_plain))
            })
    }
}

/// A relative distinguished name.
#[derive(Debug, Clone)]
struct RelativeName {
    /// Its attributes, each folded, in one order whatever order they came in.
    form: Vec<u8>,
    /// Their types, in order.
    types: Vec<ObjectIdentifier>,
    /// Whether all of its texts are such that texts of this kind are the same only if their forms are.
    is_plain: bool,
}

fn relative_names(name: &[u8]) -> Result<Vec<RelativeName>, Malformed> {
    let mut out = Vec::new();
    whole(name, |outer| {
        outer.inside(Tag::Sequence, |rdns| {
            rdns.each(|rdns| {
                out.push(rdns.inside(Tag::Set, relative_name)?);
                Ok::<(), Malformed>(())
            })
        })
    })?;
    Ok(out)
}

fn relative_name(set: &mut Elements<'_>) -> Result<RelativeName, Malformed> {
    let (mut attributes, mut types, mut is_plain) = (Vec::new(), Vec::new(), true);
    set.each(|set| {
        set.inside(Tag::Sequence, |attribute| {
            let id = attribute.oid()?;
            let value = attribute.any()?;
            let text = text_of(value);
            is_plain &= text.as_ref().is_some_and(|text| text.chars().all(is_plain_char));
            let (kind, bytes) = match text {
                Some(text) => (1, folded(&text)),
                None => (0, value.raw.to_vec()),
            };
            // With their lengths, so that no two different lists of attributes give the same bytes.
            let id_length = u8::try_from(id.as_bytes().len()).map_err(|_| Malformed)?;
            let length = u32::try_from(bytes.len()).map_err(|_| Malformed)?;
            attributes.push(
                [&[id_length], id.as_bytes(), &[kind], &length.to_be_bytes(), bytes.as_slice()].concat(),
            );
            types.push(id);
            Ok::<(), Malformed>(())
        })
    })?;
    attributes.sort_unstable();
    types.sort_unstable();
    Ok(RelativeName { form: attributes.concat(), types, is_plain })
}

/// Whether two `Name`s (DER) are the same (RFC 5280 7.1).
#[must_use]
pub fn same_name(a: &[u8], b: &[u8]) -> bool {
    a == b || matches!((ComparableName::read(a), ComparableName::read(b)), (Ok(a), Ok(b)) if a == b)
}

/// The text of a string; `None` of a kind that is compared byte by byte.
fn text_of(value: Element<'_>) -> Option<Cow<'_, str>> {
    Some(match value.tag {
        Tag::TeletexString => value.value.iter().map(|byte| char::from(*byte)).collect::<String>().into(),
        Tag::BmpString => {
            let (pairs, []) = value.value.as_chunks::<2>() else { return None };
            char::decode_utf16(pairs.iter().map(|pair| u16::from_be_bytes(*pair)))
                .collect::<Result<String, _>>()
                .ok()?
                .into()
        }
        _ => asn1::text(value).ok()?.into(),
    })
}

/// The text in lower case, without white space at its ends, with single spaces inside.
fn folded(text: &str) -> Vec<u8> {
    if text.is_ascii() {
        return folded_ascii(text.as_bytes());
    }
    text.split_whitespace().collect::<Vec<_>>().join(" ").to_lowercase().into_bytes()
}

/// The same of a text in ASCII, which nearly every one is, in one pass.
fn folded_ascii(text: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(text.len());
    let mut is_after_space = false;
    for byte in text {
        // As `char::is_whitespace` has it, which `u8::is_ascii_whitespace` does not: vertical tabs too.
        if matches!(byte, 0x09..=0x0D | b' ') {
            is_after_space = true;
            continue;
        }
        if is_after_space && !out.is_empty() {
            out.push(b' ');
        }
        is_after_space = false;
        out.push(byte.to_ascii_lowercase());
    }
    out
}

/// What RFC 4518 2 leaves as [`folded`] does, whatever stands beside it: ASCII but for controls, white space, kana and
/// unified ideographs.
fn is_plain_char(c: char) -> bool {
    c.is_ascii_graphic()
        || c.is_whitespace()
        || matches!(c, '\u{3041}'..='\u{3096}' | '\u{30A1}'..='\u{30FC}' | '\u{3400}'..='\u{4DBF}' | '\u{4E00}'..='\u{9FFF}')
}

#[cfg(test)]
mod tests {
    use super::folded_ascii;

    #[test]
    fn a_text_in_ascii_is_folded_as_any_other_text() {
        let spaces = (0..=0x7F_u8).filter(|byte| char::from(*byte).is_whitespace());
        let spaced: Vec<String> = spaces.map(|s| format!("{0}A{0}{0} b{0}", char::from(s))).collect();
        let other = ["", " ", "Root CA", "  Root \t CA  ", "a\u{1C}B", "\u{B}x"].map(str::to_owned);
        let every: String = (0..=0x7F_u8).map(char::from).collect();
        for text in spaced.into_iter().chain(other).chain([every]) {
            let general = text.split_whitespace().collect::<Vec<_>>().join(" ").to_lowercase();
            assert_eq!(folded_ascii(text.as_bytes()), general.as_bytes(), "{text:?}");
        }
    }
}
