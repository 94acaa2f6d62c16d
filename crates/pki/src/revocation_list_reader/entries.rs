//! The entries of a list (RFC 5280 5.1.2.6, 5.3), one after the other from a buffer.
//!
//! An entry as nearly every list writes it is recognised byte by byte; anything else is read by the strict reader of
//! [`crate::asn1`], and what is recognised is what that would read.

use der::Tag;
use musubi_kernel::UnixTime;

use super::{BUFFER, Wanted};
use crate::asn1::{Elements, Malformed, whole};
use crate::crl_error::CrlError;
use crate::key::RevocationReason;
use crate::oid;
use crate::source::Source;
use crate::status_set::{Key, REMOVE_FROM_CRL, narrow, wide};

/// One entry.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Entry {
    pub(super) key: Key,
    pub(super) at: UnixTime,
    /// The reason's; of a delta also that of `removeFromCRL`.
    pub(super) code: u8,
}

/// Reads every entry between two places of the source. `tell` is given the bytes done after every buffer.
pub(super) fn each(
    source: &dyn Source,
    (from, to): (u64, u64),
    wanted: Wanted,
    tell: &mut dyn FnMut(u64) -> Result<(), CrlError>,
    read: &mut impl FnMut(Entry) -> Result<(), CrlError>,
) -> Result<(), CrlError> {
    let mut buffer = vec![0; BUFFER.min(narrow(to - from))];
    let (mut held, mut at) = (0, from);
    let mut days = Days::default();
    while at < to {
        let more = (buffer.len() - held).min(narrow(to - at));
        if more == 0 {
            return Err(CrlError::EntryTooLarge);
        }
        let fresh = buffer.get_mut(held..held + more).ok_or(Malformed)?;
        source.read_at(at, fresh)?;
        at += wide(more);
        let mut rest = buffer.get(..held + more).ok_or(Malformed)?;
        while let Some((entry, behind)) = next(rest, wanted, &mut days)? {
            read(entry)?;
            rest = behind;
        }
        let filled = held + more;
        held = rest.len();
        buffer.copy_within(filled - held..filled, 0);
        tell(at - from)?;
    }
    // What is left began an entry that does not end within the list.
    if held == 0 { Ok(()) } else { Err(CrlError::Malformed) }
}

/// The first entry and what follows it; `None` if it does not end here.
#[inline]
fn next<'a>(bytes: &'a [u8], wanted: Wanted, days: &mut Days) -> Result<Option<(Entry, &'a [u8])>, CrlError> {
    if let Some(found) = usual(bytes, days) {
        return Ok(Some(found));
    }
    let Some(length) = Elements::length_of_first(bytes)? else { return Ok(None) };
    let Some((entry, rest)) = bytes.split_at_checked(length) else { return Ok(None) };
    Ok(Some((strict(entry, wanted)?, rest)))
}

/// `SEQUENCE { INTEGER, UTCTime }` with or without one reason code of RFC 5280's, in DER and with short lengths.
#[inline]
fn usual<'a>(bytes: &'a [u8], days: &mut Days) -> Option<(Entry, &'a [u8])> {
    let (&[0x30, length, 0x02, number], rest) = bytes.split_first_chunk::<4>()? else { return None };
    let (number, rest) = rest.split_at_checked(usize::from(number))?;
    let (&[0x17, 0x0D, date @ .., h, h2, m, m2, s, s2, b'Z'], rest) = rest.split_first_chunk::<15>()? else {
        return None;
    };
    let key = match number {
        // A leading zero only before a byte that would make it negative; no number of more than 20 octets.
        [] | [0x80..=0xFF, ..] | [0] | [0, 0..=0x7F, ..] => return None,
        _ if number.len() > 20 => return None,
        [0, significant @ ..] => Key::of_be_bytes(significant),
        _ => Key::of_be_bytes(number),
    };
    let (hour, minute, second) = (two_digits(h, h2)?, two_digits(m, m2)?, two_digits(s, s2)?);
    if hour > 23 || minute > 59 || second > 59 {
        return None;
    }
    let day = days.start(date)?;
    let at = UnixTime(day + i64::from(hour) * 3600 + i64::from(minute) * 60 + i64::from(second));
    let plain = number.len() + 2 + 15;
    if usize::from(length) == plain {
        return Some((Entry { key, at, code: 0 }, rest));
    }
    let (extensions, rest) = rest.split_first_chunk::<14>()?;
    let [0x30, 0x0C, 0x30, 0x0A, 0x06, 0x03, 0x55, 0x1D, 0x15, 0x04, 0x03, 0x0A, 0x01, code] = *extensions
    else {
        return None;
    };
    let usual = usize::from(length) == plain + 14 && matches!(code, 0..=6 | 9 | 10);
    usual.then_some((Entry { key, at, code }, rest))
}

/// The beginning of the day last asked for: entries of one day stand together.
#[derive(Default)]
struct Days {
    date: [u8; 6],
    start: i64,
}

impl Days {
    /// Of `YYMMDD`.
    #[inline]
    fn start(&mut self, date: [u8; 6]) -> Option<i64> {
        if self.date != date {
            let [y, y2, mo, mo2, d, d2] = date;
            let year = i32::from(two_digits(y, y2)?);
            let year = if year < 50 { 2000 + year } else { 1900 + year };
            self.start = UnixTime::from_utc(year, two_digits(mo, mo2)?, two_digits(d, d2)?, 0, 0, 0).ok()?.0;
            self.date = date;
        }
        Some(self.start)
    }
}

#[inline]
fn two_digits(tens: u8, ones: u8) -> Option<u8> {
    let (tens, ones) = (tens.wrapping_sub(b'0'), ones.wrapping_sub(b'0'));
    (tens < 10 && ones < 10).then(|| tens * 10 + ones)
}

/// Reads one entry, all of `bytes`.
fn strict(bytes: &[u8], wanted: Wanted) -> Result<Entry, CrlError> {
    whole(bytes, |list| {
        list.inside(Tag::Sequence, |entry| {
            let key = Key::of_be_bytes(entry.serial_bytes()?);
            let at = entry.time()?;
            let code = if entry.is_empty() { 0 } else { reason(entry, wanted)? };
            Ok(Entry { key, at, code })
        })
    })
}

/// `crlEntryExtensions`: the reason. `invalidityDate` and others that are not critical are passed over.
fn reason(entry: &mut Elements<'_>, wanted: Wanted) -> Result<u8, CrlError> {
    let mut reason = 0;
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
                    Some(reason) => reason.code(),
                    None if code == REMOVE_FROM_CRL && wanted == Wanted::Delta => code,
                    None if code == REMOVE_FROM_CRL => return Err(CrlError::RemoveFromCrl),
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

#[cfg(test)]
mod tests;
