//! Writing DER, as far as the tests need it; also wrong DER.

use const_oid::ObjectIdentifier;
use musubi_kernel::UnixTime;

pub(crate) fn tlv(tag: u8, content: &[u8]) -> Vec<u8> {
    let mut out = vec![tag];
    match content.len() {
        n @ 0..=0x7F => out.push(n as u8),
        n @ 0x80..=0xFF => out.extend([0x81, n as u8]),
        n @ 0x100..=0xFFFF => out.extend([0x82, (n >> 8) as u8, n as u8]),
        n => out.extend([0x83, (n >> 16) as u8, (n >> 8) as u8, n as u8]),
    }
    out.extend(content);
    out
}

pub(crate) fn seq(parts: &[&[u8]]) -> Vec<u8> {
    tlv(0x30, &parts.concat())
}

pub(crate) fn oid(id: ObjectIdentifier) -> Vec<u8> {
    tlv(0x06, id.as_bytes())
}

pub(crate) fn oid_text(id: &str) -> Vec<u8> {
    oid(ObjectIdentifier::new_unwrap(id))
}

/// A non-negative INTEGER from big-endian bytes.
pub(crate) fn integer(bytes: &[u8]) -> Vec<u8> {
    let mut content = bytes.to_vec();
    if content.first().is_none_or(|b| *b >= 0x80) {
        content.insert(0, 0);
    }
    tlv(0x02, &content)
}

pub(crate) fn utf8(text: &str) -> Vec<u8> {
    tlv(0x0C, text.as_bytes())
}

pub(crate) fn octets(content: &[u8]) -> Vec<u8> {
    tlv(0x04, content)
}

pub(crate) fn bits(content: &[u8]) -> Vec<u8> {
    let mut with_unused = vec![0];
    with_unused.extend(content);
    tlv(0x03, &with_unused)
}

pub(crate) fn boolean(value: bool) -> Vec<u8> {
    tlv(0x01, &[if value { 0xFF } else { 0 }])
}

/// Context-specific, constructed.
pub(crate) fn ctx(number: u8, content: &[u8]) -> Vec<u8> {
    tlv(0xA0 | number, content)
}

/// Context-specific, primitive.
pub(crate) fn ctx_bytes(number: u8, content: &[u8]) -> Vec<u8> {
    tlv(0x80 | number, content)
}

pub(crate) fn utc_time(at: UnixTime) -> Vec<u8> {
    let (y, mo, d, h, mi, s) = at.to_utc();
    tlv(0x17, format!("{:02}{mo:02}{d:02}{h:02}{mi:02}{s:02}Z", y % 100).as_bytes())
}

pub(crate) fn generalized_time(at: UnixTime) -> Vec<u8> {
    let (y, mo, d, h, mi, s) = at.to_utc();
    tlv(0x18, format!("{y:04}{mo:02}{d:02}{h:02}{mi:02}{s:02}Z").as_bytes())
}

pub(crate) fn extension(id: ObjectIdentifier, critical: bool, value: &[u8]) -> Vec<u8> {
    let critical = if critical { boolean(true) } else { Vec::new() };
    seq(&[&oid(id), &critical, &octets(value)])
}

/// A name of one attribute per RDN: country in PrintableString, all else in UTF8String.
pub(crate) fn name(attributes: &[(ObjectIdentifier, &str)]) -> Vec<u8> {
    let rdns: Vec<Vec<u8>> = attributes
        .iter()
        .map(|(id, text)| {
            let country = *id == musubi_pki::oid::COUNTRY_NAME;
            let value = if country { tlv(0x13, text.as_bytes()) } else { utf8(text) };
            tlv(0x31, &seq(&[&oid(*id), &value]))
        })
        .collect();
    tlv(0x30, &rdns.concat())
}
