//! `TSTInfo` (RFC 3161 2.4.2): strict DER.

use const_oid::ObjectIdentifier;
use der::Tag;
use musubi_crypto::Digest;
use musubi_kernel::UnixTime;
use musubi_pki::asn1::{self, Elements, Malformed, constructed};

use crate::model::NotASignature;

/// Bytes of a nonce or a serial number (RFC 3161 asks for 160 bits of the latter).
const MAX_NUMBER_BYTES: usize = 64;

/// What a time-stamp says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TstInfo {
    /// The authority's policy.
    pub policy: ObjectIdentifier,
    /// The digest of what was stamped.
    pub imprint: Digest,
    /// The content octets of the serial number: big-endian, two's complement.
    pub serial: Vec<u8>,
    /// The time; a fraction of a second is dropped.
    pub gen_time: UnixTime,
    /// How far the time may be off either way, in milliseconds, rounded up; `None` if it is not said.
    pub accuracy_ms: Option<u64>,
    /// The content octets of the request's nonce: big-endian, two's complement.
    pub nonce: Option<Vec<u8>>,
    /// Whether the authority's time-stamps can be ordered by `gen_time` whatever the accuracy.
    pub ordering: bool,
}

/// What is not said but required.
pub(super) struct Shape<'a> {
    pub(super) problem: Option<&'static str>,
    /// DER of the directory name in `tsa`, if it is one.
    pub(super) authority: Option<&'a [u8]>,
}

/// Why it cannot be read.
struct Unreadable(&'static str);

impl From<Malformed> for Unreadable {
    fn from(_: Malformed) -> Self {
        Self("TSTInfo")
    }
}

/// Reads all of `content`.
pub(super) fn read(content: &[u8]) -> Result<(TstInfo, Shape<'_>), NotASignature> {
    asn1::whole(content, |outer| outer.inside(Tag::Sequence, fields))
        .map_err(|Unreadable(what)| NotASignature::Malformed(what))
}

fn fields<'a>(fields: &mut Elements<'a>) -> Result<(TstInfo, Shape<'a>), Unreadable> {
    let version = fields.small_unsigned()?;
    let policy = fields.oid()?;
    let imprint = fields.inside(Tag::Sequence, imprint)?;
    let serial = number(fields)?;
    let gen_time = time(fields.element(Tag::GeneralizedTime)?.value).ok_or(Malformed)?;
    let accuracy_ms = fields.optional(Tag::Sequence)?.map(|e| asn1::whole(e.value, accuracy)).transpose()?;
    // DEFAULT FALSE; some authorities write it all the same, and nothing hangs on it.
    let ordering = match fields.optional(Tag::Boolean)?.map(|e| e.value) {
        None | Some([0]) => false,
        Some([0xFF]) => true,
        Some(_) => return Err(Malformed.into()),
    };
    let nonce = if let Some(element) = fields.optional(Tag::Integer)? {
        Some(asn1::whole(element.raw, number)?)
    } else {
        None
    };
    let authority = match fields.optional(constructed(0))? {
        None => None,
        Some(name) => asn1::whole(name.value, asn1::only_directory_name)?,
    };
    let has_critical_extension = match fields.optional(constructed(1))? {
        None => false,
        Some(list) => asn1::whole(list.value, any_critical)?,
    };
    let problem = if version != 1 {
        Some("not of version 1")
    } else if has_critical_extension {
        Some("an unknown critical extension")
    } else {
        None
    };
    let info = TstInfo { policy, imprint, serial, gen_time, accuracy_ms, nonce, ordering };
    Ok((info, Shape { problem, authority }))
}

fn imprint(parts: &mut Elements<'_>) -> Result<Digest, Unreadable> {
    let algorithm = parts.algorithm()?.digest()?;
    let value = parts.element(Tag::OctetString)?.value;
    let algorithm = algorithm.map_err(|_| Unreadable("the algorithm of the imprint is not known"))?;
    Digest::new(algorithm, value).ok_or(Unreadable("the imprint is not of its algorithm's length"))
}

/// An INTEGER of any sign.
fn number(from: &mut Elements<'_>) -> Result<Vec<u8>, Malformed> {
    match from.element(Tag::Integer)?.value {
        [] => Err(Malformed),
        value if value.len() > MAX_NUMBER_BYTES => Err(Malformed),
        value => Ok(value.to_vec()),
    }
}

/// `Accuracy`, in milliseconds, rounded up.
fn accuracy(parts: &mut Elements<'_>) -> Result<u64, Malformed> {
    let seconds = if parts.is_empty() { None } else { parts.optional(Tag::Integer)? };
    let seconds = seconds.map(|e| asn1::whole(e.raw, Elements::small_unsigned)).transpose()?.unwrap_or(0);
    let mut part = |number| -> Result<u64, Malformed> {
        match parts.optional(asn1::primitive(number))?.map(|e| e.value) {
            None => Ok(0),
            // 1 to 999, as an INTEGER without a needless zero.
            Some([one @ 0..=0x7F]) => Ok(u64::from(*one)),
            Some([high @ 0..=3, low]) => Ok((u64::from(*high) << 8) | u64::from(*low)),
            Some(_) => Err(Malformed),
        }
    };
    let (millis, micros) = (part(0)?, part(1)?);
    if millis > 999 || micros > 999 {
        return Err(Malformed);
    }
    Ok(seconds.saturating_mul(1_000).saturating_add(millis).saturating_add(u64::from(micros > 0)))
}

/// `YYYYMMDDhhmmss[.s…]Z`: UTC, a fraction without trailing zeros (RFC 3161 2.4.2).
fn time(text: &[u8]) -> Option<UnixTime> {
    let text = std::str::from_utf8(text).ok()?.strip_suffix('Z')?;
    let (seconds, fraction) = text.split_once('.').map_or((text, None), |(s, f)| (s, Some(f)));
    let is_fraction = |f: &str| f.bytes().all(|b| b.is_ascii_digit()) && !f.is_empty() && !f.ends_with('0');
    if !fraction.is_none_or(is_fraction)
        || seconds.len() != 14
        || !seconds.bytes().all(|b| b.is_ascii_digit())
    {
        return None;
    }
    let two = |at: usize| seconds.get(at..at + 2)?.parse::<u8>().ok();
    let year = seconds.get(..4)?.parse().ok()?;
    UnixTime::from_utc(year, two(4)?, two(6)?, two(8)?, two(10)?, two(12)?).ok()
}

/// Whether an extension is critical: none is known. The shape of all is checked.
fn any_critical(list: &mut Elements<'_>) -> Result<bool, Malformed> {
    let mut found = false;
    list.each(|list| {
        list.inside(Tag::Sequence, |extension| {
            extension.oid()?;
            found |= extension.default_false()?;
            extension.element(Tag::OctetString).map(drop)
        })
    })?;
    Ok(found)
}
