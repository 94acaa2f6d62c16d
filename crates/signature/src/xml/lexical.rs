//! Inside of a tag and of a reference (XML 1.0 2.8, 3.1, 3.3.3, 4.1): attributes, names, values, the XML declaration.

use std::borrow::Cow;

use super::chars::{is_char, is_ncname, is_space};
use crate::NotASignature;

pub(super) type Result<T> = std::result::Result<T, NotASignature>;

pub(super) fn malformed<T>(what: &'static str) -> Result<T> {
    Err(NotASignature::Malformed(what))
}

/// What follows the XML declaration (2.8), which is checked.
pub(super) fn after_declaration(text: &str) -> Result<&str> {
    let Some(rest) = text.strip_prefix("<?xml").filter(|r| r.bytes().next().is_some_and(is_space)) else {
        return Ok(text);
    };
    let Some((declaration, body)) = rest.split_once("?>") else { return malformed("XML: not well-formed") };
    let mut parts = RawAttributes { rest: declaration };
    let mut next = parts.next_raw()?;
    match next.take() {
        Some(("version", "1.0")) => next = parts.next_raw()?,
        _ => return malformed("XML: not version 1.0"),
    }
    if let Some(("encoding", name)) = next {
        if !name.eq_ignore_ascii_case("UTF-8") {
            return malformed("XML: not UTF-8");
        }
        next = parts.next_raw()?;
    }
    if let Some(("standalone", "yes" | "no")) = next {
        next = parts.next_raw()?;
    }
    if next.is_none() { Ok(body) } else { malformed("XML: the XML declaration") }
}

/// `name="value"`, separated by white space.
pub(super) struct RawAttributes<'a> {
    pub(super) rest: &'a str,
}

impl<'a> RawAttributes<'a> {
    /// The next name and its raw value.
    pub(super) fn next_raw(&mut self) -> Result<Option<(&'a str, &'a str)>> {
        let trimmed = self.rest.trim_start_matches([' ', '\t', '\n', '\r']);
        if trimmed.is_empty() {
            return Ok(None);
        }
        if trimmed.len() == self.rest.len() {
            return malformed("XML: attributes that are not separated");
        }
        let space = [' ', '\t', '\n', '\r'];
        // Names and most values are short: a plain loop over bytes is faster than a search.
        let cut = |text: &'a str, at: u8| {
            let index = text.bytes().position(|b| b == at)?;
            Some((text.get(..index)?, text.get(index + 1..)?))
        };
        let Some((name, value)) = cut(trimmed, b'=') else { return malformed("XML: an attribute") };
        let (name, value) = (name.trim_end_matches(space), value.trim_start_matches(space));
        let Some(quote) = value.bytes().next().filter(|c| matches!(c, b'"' | b'\'')) else {
            return malformed("XML: an attribute");
        };
        let Some((value, rest)) = value.get(1..).and_then(|v| cut(v, quote)) else {
            return malformed("XML: an attribute");
        };
        self.rest = rest;
        Ok(Some((name, value)))
    }
}

/// Prefix and local part (Namespaces in XML 1.0, 4).
pub(super) fn qualified(name: &str) -> Result<(&str, &str)> {
    let (prefix, local) = match name.split_once(':') {
        Some((prefix, local)) if is_ncname(prefix) => (prefix, local),
        Some(_) => return malformed("XML: a name"),
        None => ("", name),
    };
    if is_ncname(local) { Ok((prefix, local)) } else { malformed("XML: a name") }
}

/// The normalised value (3.3.3 after 2.11): literal white space becomes spaces, references are resolved.
pub(super) fn attribute_value(raw: &str) -> Result<Cow<'_, str>> {
    if raw.contains('<') {
        return malformed("XML: < in an attribute");
    }
    if !raw.bytes().any(|b| matches!(b, b'&' | b'\t' | b'\n' | b'\r')) {
        return Ok(Cow::Borrowed(raw));
    }
    let mut value = String::with_capacity(raw.len());
    let mut rest = raw;
    while let Some(at) = rest.find(['&', '\t', '\n', '\r']) {
        let (before, from) = rest.split_at_checked(at).unwrap_or((rest, ""));
        value.push_str(before);
        rest = match from.strip_prefix('&') {
            Some(reference) => {
                let Some((name, after)) = reference.split_once(';') else {
                    return malformed("XML: a reference");
                };
                push_reference(&mut value, name)?;
                after
            }
            None => {
                value.push(' ');
                from.strip_prefix("\r\n").or_else(|| from.get(1..)).unwrap_or_default()
            }
        };
    }
    value.push_str(rest);
    Ok(Cow::Owned(value))
}

/// One of the five entities (4.6) or a character reference (4.1).
pub(super) fn push_reference(to: &mut String, name: &str) -> Result<()> {
    let c = match name {
        "amp" => '&',
        "lt" => '<',
        "gt" => '>',
        "quot" => '"',
        "apos" => '\'',
        _ => match name.strip_prefix('#').and_then(character).filter(|c| is_char(*c)) {
            Some(c) => c,
            None => {
                return malformed(
                    "XML: an entity that is not one of the five, or a character reference to none",
                );
            }
        },
    };
    to.push(c);
    Ok(())
}

fn character(number: &str) -> Option<char> {
    let (digits, radix) = number.strip_prefix('x').map_or((number, 10), |digits| (digits, 16));
    // from_str_radix would take a sign.
    if digits.is_empty() || !digits.chars().all(|c| c.is_digit(radix)) {
        return None;
    }
    u32::from_str_radix(digits, radix).ok().and_then(char::from_u32)
}
