//! Writing DER (X.690): tag, definite length, content. Reading is the `der` crate's.

use musubi_kernel::UnixTime;

pub(crate) const BOOLEAN: u8 = 0x01;
pub(crate) const BIT_STRING: u8 = 0x03;
pub(crate) const OCTET_STRING: u8 = 0x04;
pub(crate) const OID: u8 = 0x06;
pub(crate) const ENUMERATED: u8 = 0x0A;
pub(crate) const UTF8_STRING: u8 = 0x0C;
pub(crate) const PRINTABLE_STRING: u8 = 0x13;
pub(crate) const IA5_STRING: u8 = 0x16;
pub(crate) const GENERALIZED_TIME: u8 = 0x18;
const INTEGER: u8 = 0x02;
const UTC_TIME: u8 = 0x17;
pub(crate) const SEQUENCE: u8 = 0x30;
const SET: u8 = 0x31;

/// One element.
pub(crate) fn tlv(tag: u8, content: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(content.len() + 6);
    put_header(&mut out, tag, content.len() as u64);
    out.extend_from_slice(content);
    out
}

/// Tag and length of an element whose content follows elsewhere.
pub(crate) fn put_header(out: &mut Vec<u8>, tag: u8, content: u64) {
    out.push(tag);
    match u8::try_from(content) {
        Ok(short) if short < 0x80 => out.push(short),
        _ => {
            let bytes = content.to_be_bytes();
            let zeros = bytes.iter().take_while(|b| **b == 0).count();
            out.push(0x80 | u8::try_from(bytes.len() - zeros).unwrap_or(0x7F));
            out.extend(bytes.iter().skip(zeros));
        }
    }
}

/// The octets of a whole element with a content of this many.
pub(crate) fn whole(content: u64) -> u64 {
    let length = if content < 0x80 { 1 } else { 1 + u64::from(64 - content.leading_zeros()).div_ceil(8) };
    1 + length + content
}

fn joined<P: AsRef<[u8]>>(tag: u8, parts: &[P]) -> Vec<u8> {
    let mut content = Vec::new();
    for part in parts {
        content.extend_from_slice(part.as_ref());
    }
    tlv(tag, &content)
}

/// `SEQUENCE` of encoded elements.
pub(crate) fn sequence<P: AsRef<[u8]>>(parts: &[P]) -> Vec<u8> {
    joined(SEQUENCE, parts)
}

/// `SET` of one encoded element.
pub(crate) fn set_of_one(element: &[u8]) -> Vec<u8> {
    tlv(SET, element)
}

/// Constructed context-specific element `[number]`.
pub(crate) fn context(number: u8, content: &[u8]) -> Vec<u8> {
    tlv(0xA0 | number, content)
}

/// Primitive context-specific element `[number]`.
pub(crate) fn context_primitive(number: u8, content: &[u8]) -> Vec<u8> {
    tlv(0x80 | number, content)
}

/// `INTEGER` from unsigned big-endian bytes.
pub(crate) fn unsigned(bytes: &[u8]) -> Vec<u8> {
    tlv(INTEGER, &unsigned_content(bytes))
}

/// `INTEGER` of a number, behind what `out` holds already.
pub(crate) fn put_number(out: &mut Vec<u8>, number: u64) {
    let octets = u64::from(64 - number.leading_zeros()) / 8 + 1;
    put_header(out, INTEGER, octets);
    // The ninth octet from below is the zero that keeps the number positive.
    let bytes = u128::from(number).to_be_bytes();
    out.extend(bytes.iter().skip(16 - usize::try_from(octets).unwrap_or(16)));
}

/// The content octets of an unsigned integer: no leading zeros but the one that keeps it positive.
pub(crate) fn unsigned_content(bytes: &[u8]) -> Vec<u8> {
    let zeros = bytes.iter().take_while(|b| **b == 0).count();
    let significant = bytes.get(zeros..).unwrap_or_default();
    let mut content = Vec::with_capacity(significant.len() + 1);
    if significant.first().is_none_or(|top| top & 0x80 != 0) {
        content.push(0);
    }
    content.extend_from_slice(significant);
    content
}

/// `BIT STRING` without unused bits.
pub(crate) fn bit_string(bytes: &[u8]) -> Vec<u8> {
    let mut content = Vec::with_capacity(bytes.len() + 1);
    content.push(0);
    content.extend_from_slice(bytes);
    tlv(BIT_STRING, &content)
}

/// `Time` (RFC 5280 4.1.2.5): UTCTime through 2049, GeneralizedTime from 2050 on.
pub(crate) fn time(at: UnixTime) -> Vec<u8> {
    let mut out = Vec::with_capacity(17);
    put_time(&mut out, at);
    out
}

/// As [`time()`], behind what `out` holds already.
pub(crate) fn put_time(out: &mut Vec<u8>, at: UnixTime) {
    let (year, month, day, hour, minute, second) = at.to_utc();
    let short = (1950..2050).contains(&year);
    put_header(out, if short { UTC_TIME } else { GENERALIZED_TIME }, if short { 13 } else { 15 });
    let year = year.unsigned_abs();
    let century = (!short).then_some(year / 100 % 100);
    let rest = [year % 100, month.into(), day.into(), hour.into(), minute.into(), second.into()];
    for pair in century.into_iter().chain(rest) {
        // Two decimal digits each: the remainders are below ten.
        out.extend([pair / 10 % 10, pair % 10].map(|digit| b'0' + u8::try_from(digit).unwrap_or_default()));
    }
    out.push(b'Z');
}

/// `GeneralizedTime` in UTC without fractions.
pub(crate) fn generalized_time(at: UnixTime) -> Vec<u8> {
    let (year, month, day, hour, minute, second) = at.to_utc();
    tlv(GENERALIZED_TIME, format!("{year:04}{month:02}{day:02}{hour:02}{minute:02}{second:02}Z").as_bytes())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lengths_and_integers_have_their_shortest_form() {
        assert_eq!(tlv(4, &[7; 127])[..2], [4, 0x7F]);
        assert_eq!(tlv(4, &[7; 128])[..3], [4, 0x81, 0x80]);
        assert_eq!(tlv(4, &[7; 300])[..4], [4, 0x82, 0x01, 0x2C]);
        assert_eq!(unsigned(&[0, 0, 0x80]), [2, 2, 0, 0x80]);
        assert_eq!(unsigned(&[0x7F]), [2, 1, 0x7F]);
        assert_eq!(unsigned(&[]), [2, 1, 0]);
        for number in [0, 1, 0x7F, 0x80, 0xFF, 0x0100, 0x7FFF, 0x8000, u64::MAX] {
            let mut out = Vec::new();
            put_number(&mut out, number);
            assert_eq!(out, unsigned(&number.to_be_bytes()), "{number}");
        }
    }

    #[test]
    fn the_length_of_an_element_is_known_before_it_is_written() {
        for content in [0, 1, 127, 128, 255, 256, 65_535, 65_536, 70_000] {
            assert_eq!(whole(content as u64), tlv(SEQUENCE, &vec![0; content]).len() as u64, "{content}");
        }
        let mut long = Vec::new();
        put_header(&mut long, SEQUENCE, 0x01_0000_0000);
        assert_eq!(long, [0x30, 0x85, 1, 0, 0, 0, 0]);
        assert_eq!(whole(0x01_0000_0000), 0x01_0000_0007);
    }

    #[test]
    fn times_change_their_form_in_2050() {
        assert_eq!(time(UnixTime::from_utc(2049, 12, 31, 23, 59, 59).unwrap())[2..], *b"491231235959Z");
        assert_eq!(time(UnixTime::from_utc(2050, 1, 1, 0, 0, 0).unwrap())[2..], *b"20500101000000Z");
        assert_eq!(time(UnixTime::from_utc(2050, 1, 1, 0, 0, 0).unwrap())[..2], [GENERALIZED_TIME, 15]);
        assert_eq!(time(UnixTime::from_utc(2026, 4, 1, 3, 0, 9).unwrap()), *b"\x17\x0D260401030009Z");
    }
}
