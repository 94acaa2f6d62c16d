//! Strict DER reading (X.690) over the `der` crate's headers and primitive values.
//!
//! Every reader hands out slices of the input, so that what was signed is what is verified; nothing is ever
//! encoded again. A constructed value is read inside a closure and must be used up: trailing bytes are refused.
//! Knows the structures that certificates and revocation lists share; decides nothing about trust.
//!
//! Longer than 500 lines because one reader serves certificates, lists and responses.

use std::collections::BTreeSet;

use const_oid::ObjectIdentifier;
use der::asn1::AnyRef;
use der::{Choice, Decode, DecodeValue, SliceReader, Tag, TagNumber};
use musubi_crypto::{DigestAlgorithm, SignatureAlgorithm};
use musubi_kernel::UnixTime;

use crate::key::SerialNumber;
use crate::oid;

/// Not the DER that was expected here.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not the DER that was expected here")]
pub struct Malformed;

impl From<der::Error> for Malformed {
    fn from(_: der::Error) -> Self {
        Self
    }
}

/// One tag, length and value.
#[derive(Debug, Clone, Copy)]
pub struct Element<'a> {
    /// Its tag.
    pub tag: Tag,
    /// The content octets.
    pub value: &'a [u8],
    /// Tag, length and value as they stand in the input.
    pub raw: &'a [u8],
}

/// A context-specific tag that holds further elements.
pub const fn constructed(number: u32) -> Tag {
    Tag::ContextSpecific { constructed: true, number: TagNumber(number) }
}

/// A context-specific tag that holds bytes.
pub const fn primitive(number: u32) -> Tag {
    Tag::ContextSpecific { constructed: false, number: TagNumber(number) }
}

/// The elements of one value, in order.
pub struct Elements<'a> {
    rest: &'a [u8],
}

/// Reads all of `bytes`; what `read` leaves over is malformed.
pub fn whole<'a, T, E: From<Malformed>>(
    bytes: &'a [u8],
    read: impl FnOnce(&mut Elements<'a>) -> Result<T, E>,
) -> Result<T, E> {
    let mut elements = Elements { rest: bytes };
    let out = read(&mut elements)?;
    if elements.is_empty() { Ok(out) } else { Err(Malformed.into()) }
}

/// Reads `SIGNED { … }` (RFC 5280 4.1, 5.1), all of `bytes`: what was signed, with which algorithm, and the signature.
pub fn signed<'a, T, E: From<Malformed>>(
    bytes: &'a [u8],
    read: impl FnOnce(Element<'a>, Algorithm<'a>, &'a [u8]) -> Result<T, E>,
) -> Result<T, E> {
    whole(bytes, |outer| {
        outer.inside(Tag::Sequence, |parts| {
            let tbs = parts.element(Tag::Sequence)?;
            let algorithm = parts.algorithm()?;
            read(tbs, algorithm, parts.bytes_of_bit_string()?)
        })
    })
}

impl<'a> Elements<'a> {
    /// The elements with which `bytes` begin, which may go on behind them.
    pub(crate) fn beginning(bytes: &'a [u8]) -> Self {
        Self { rest: bytes }
    }

    /// What is left.
    pub(crate) fn rest(&self) -> &'a [u8] {
        self.rest
    }

    /// Octets of the element with which `bytes` begin; `None` if its length does not end within them.
    pub(crate) fn length_of_first(bytes: &[u8]) -> Result<Option<usize>, Malformed> {
        Ok(header(bytes)?.map(|(_, start, length)| start.saturating_add(length)))
    }

    /// Tag of the element with which `bytes` begin, octets before its value and of its value; `None` if they do not end
    /// within `bytes`.
    pub(crate) fn header_of_first(bytes: &[u8]) -> Result<Option<(Tag, usize, usize)>, Malformed> {
        header(bytes)?.map(|(first, start, length)| Ok((tag(first)?, start, length))).transpose()
    }

    /// Whether nothing is left.
    pub fn is_empty(&self) -> bool {
        self.rest.is_empty()
    }

    /// The next element and what follows it, without stepping over it. X.690 8.1.2, 8.1.3, 10.1: low tag numbers,
    /// definite lengths in the fewest bytes.
    #[inline]
    fn peek(&self) -> Result<(Element<'a>, &'a [u8]), Malformed> {
        let (first, start, length) = header(self.rest)?.ok_or(Malformed)?;
        let (raw, rest) =
            start.checked_add(length).and_then(|end| self.rest.split_at_checked(end)).ok_or(Malformed)?;
        let value = raw.get(start..).ok_or(Malformed)?;
        Ok((Element { tag: tag(first)?, value, raw }, rest))
    }

    /// The next element, whatever its tag.
    pub fn any(&mut self) -> Result<Element<'a>, Malformed> {
        let (element, rest) = self.peek()?;
        self.rest = rest;
        Ok(element)
    }

    /// The next element, which must have this tag.
    pub fn element(&mut self, tag: Tag) -> Result<Element<'a>, Malformed> {
        let element = self.any()?;
        if element.tag == tag { Ok(element) } else { Err(Malformed) }
    }

    /// The next element if it has this tag.
    pub fn optional(&mut self, tag: Tag) -> Result<Option<Element<'a>>, Malformed> {
        if self.is_empty() {
            return Ok(None);
        }
        let (element, rest) = self.peek()?;
        if element.tag != tag {
            return Ok(None);
        }
        self.rest = rest;
        Ok(Some(element))
    }

    /// Reads what the next element, which must have this tag, holds.
    pub fn inside<T, E: From<Malformed>>(
        &mut self,
        tag: Tag,
        read: impl FnOnce(&mut Elements<'a>) -> Result<T, E>,
    ) -> Result<T, E> {
        whole(self.element(tag)?.value, read)
    }

    /// Reads every remaining element with `read`.
    pub fn each<E: From<Malformed>>(
        &mut self,
        mut read: impl FnMut(&mut Elements<'a>) -> Result<(), E>,
    ) -> Result<(), E> {
        while !self.is_empty() {
            read(self)?;
        }
        Ok(())
    }

    /// An OBJECT IDENTIFIER.
    pub fn oid(&mut self) -> Result<ObjectIdentifier, Malformed> {
        let element = self.element(Tag::ObjectIdentifier)?;
        oid::known(element.value)
            .map_or_else(|| ObjectIdentifier::from_bytes(element.value).map_err(|_| Malformed), Ok)
    }

    /// An INTEGER that is not negative, as big-endian bytes without a leading zero.
    pub fn unsigned(&mut self) -> Result<&'a [u8], Malformed> {
        unsigned(self.element(Tag::Integer)?.value)
    }

    /// An INTEGER from 0 to 2^64 − 1.
    pub fn small_unsigned(&mut self) -> Result<u64, Malformed> {
        decode(self.element(Tag::Integer)?)
    }

    /// A serial number as big-endian bytes without leading zeros (RFC 5280 4.1.2.2: positive, at most 20
    /// octets).
    pub fn serial_bytes(&mut self) -> Result<&'a [u8], Malformed> {
        let element = self.element(Tag::Integer)?;
        if element.value.len() > 20 {
            return Err(Malformed);
        }
        match unsigned(element.value)? {
            [0] => Err(Malformed),
            bytes => Ok(bytes),
        }
    }

    /// [`serial_bytes`](Self::serial_bytes) as a value.
    pub fn serial(&mut self) -> Result<SerialNumber, Malformed> {
        SerialNumber::from_be_bytes(self.serial_bytes()?).map_err(|_| Malformed)
    }

    /// A BIT STRING of whole bytes.
    pub fn bytes_of_bit_string(&mut self) -> Result<&'a [u8], Malformed> {
        match self.element(Tag::BitString)?.value.split_first() {
            Some((0, bytes)) => Ok(bytes),
            _ => Err(Malformed),
        }
    }

    /// `DEFAULT FALSE`: an explicit FALSE is not DER.
    pub fn default_false(&mut self) -> Result<bool, Malformed> {
        match self.optional(Tag::Boolean)? {
            None => Ok(false),
            Some(element) if element.value == [0xFF] => Ok(true),
            Some(_) => Err(Malformed),
        }
    }

    /// UTCTime through 2049, GeneralizedTime from 2050 on, both to the second and in UTC (RFC 5280 4.1.2.5).
    pub fn time(&mut self) -> Result<UnixTime, Malformed> {
        self.time_from(2050)
    }

    /// UTCTime or GeneralizedTime to the second and in UTC, whatever the year, also before 1970: how a relying party
    /// reads what an issuer should have written in the other form.
    pub fn time_of_any_form(&mut self) -> Result<UnixTime, Malformed> {
        self.time_from(0)
    }

    /// By hand, since `der` reads nothing before 1970 and certificates speak of 1950 (RFC 5280 4.1.2.5.1).
    fn time_from(&mut self, first_generalized_year: i32) -> Result<UnixTime, Malformed> {
        let element = self.any()?;
        let (year, rest) = match (element.tag, element.value) {
            (Tag::UtcTime, [a, b, rest @ ..]) => {
                let year = i32::from(two_digits(*a, *b)?);
                (if year < 50 { 2000 + year } else { 1900 + year }, rest)
            }
            (Tag::GeneralizedTime, [a, b, c, d, rest @ ..]) => {
                let year = i32::from(two_digits(*a, *b)?) * 100 + i32::from(two_digits(*c, *d)?);
                if year < first_generalized_year {
                    return Err(Malformed);
                }
                (year, rest)
            }
            _ => return Err(Malformed),
        };
        let [mo, mo2, d, d2, h, h2, mi, mi2, s, s2, b'Z'] = rest else { return Err(Malformed) };
        let (month, day) = (two_digits(*mo, *mo2)?, two_digits(*d, *d2)?);
        let (hour, minute, second) = (two_digits(*h, *h2)?, two_digits(*mi, *mi2)?, two_digits(*s, *s2)?);
        UnixTime::from_utc(year, month, day, hour, minute, second).map_err(|_| Malformed)
    }

    /// A time, or `None` if something else comes next.
    pub fn optional_time(&mut self) -> Result<Option<UnixTime>, Malformed> {
        if self.is_empty() {
            return Ok(None);
        }
        match self.peek()?.0.tag {
            Tag::UtcTime | Tag::GeneralizedTime => self.time().map(Some),
            _ => Ok(None),
        }
    }

    /// A `Name` as it stands in the input, its shape checked.
    pub fn name(&mut self) -> Result<&'a [u8], Malformed> {
        let element = self.element(Tag::Sequence)?;
        for_each_attribute(element.raw, |_, _| ())?;
        Ok(element.raw)
    }

    /// An `AlgorithmIdentifier`.
    pub fn algorithm(&mut self) -> Result<Algorithm<'a>, Malformed> {
        let element = self.element(Tag::Sequence)?;
        whole(element.value, |inner| {
            let oid = inner.oid()?;
            let parameters = if inner.is_empty() { None } else { Some(inner.any()?) };
            Ok(Algorithm { raw: element.raw, oid, parameters })
        })
    }

    /// `Extensions` (RFC 5280 4.1.2.9), each given to `read` as identifier, criticality and value. One that
    /// occurs twice is refused through `duplicate`.
    pub fn extensions<E: From<Malformed>>(
        &mut self,
        duplicate: impl Fn(ObjectIdentifier) -> E,
        mut read: impl FnMut(ObjectIdentifier, bool, &'a [u8]) -> Result<(), E>,
    ) -> Result<(), E> {
        let mut seen = BTreeSet::new();
        self.inside(Tag::Sequence, |list| {
            if list.is_empty() {
                return Err(Malformed.into());
            }
            list.each(|list| {
                let (id, critical, value) = list.inside(Tag::Sequence, |extension| {
                    let id = extension.oid()?;
                    let critical = extension.default_false()?;
                    Ok::<_, Malformed>((id, critical, extension.element(Tag::OctetString)?.value))
                })?;
                if !seen.insert(id) {
                    return Err(duplicate(id));
                }
                read(id, critical, value)
            })
        })
    }
}

/// Identifier octet, octets before the value and of the value; `None` if `bytes` end before that is told.
#[inline]
fn header(bytes: &[u8]) -> Result<Option<(u8, usize, usize)>, Malformed> {
    let [first, length, after_length @ ..] = bytes else { return Ok(None) };
    match *length {
        0..=0x7F => Ok(Some((*first, 2, usize::from(*length)))),
        0x81..=0x84 => {
            let count = usize::from(length & 0x0F);
            let Some(bytes) = after_length.get(..count) else { return Ok(None) };
            let length = bytes.iter().fold(0_usize, |sum, byte| (sum << 8) | usize::from(*byte));
            // In the fewest bytes.
            if length < 0x80 || bytes.first() == Some(&0) {
                return Err(Malformed);
            }
            Ok(Some((*first, 2 + count, length)))
        }
        _ => Err(Malformed),
    }
}

/// The tags that these structures have; others as the `der` crate reads them.
#[inline]
fn tag(byte: u8) -> Result<Tag, Malformed> {
    Ok(match byte {
        0x02 => Tag::Integer,
        0x03 => Tag::BitString,
        0x04 => Tag::OctetString,
        0x06 => Tag::ObjectIdentifier,
        0x0C => Tag::Utf8String,
        0x13 => Tag::PrintableString,
        0x17 => Tag::UtcTime,
        0x30 => Tag::Sequence,
        0x31 => Tag::Set,
        0x80..=0x9E => primitive(u32::from(byte & 0x1F)),
        0xA0..=0xBE => constructed(u32::from(byte & 0x1F)),
        // In several bytes.
        _ if byte & 0x1F == 0x1F => return Err(Malformed),
        _ => Tag::decode(&mut SliceReader::new(&[byte])?)?,
    })
}

/// The content of an INTEGER that is not negative, without the leading zero that keeps it so (X.690 8.3.2).
fn unsigned(value: &[u8]) -> Result<&[u8], Malformed> {
    match value {
        [] => Err(Malformed),
        [0] => Ok(value),
        [0, next, ..] if *next < 0x80 => Err(Malformed),
        [0, rest @ ..] => Ok(rest),
        [first, ..] if *first >= 0x80 => Err(Malformed),
        _ => Ok(value),
    }
}

fn two_digits(tens: u8, ones: u8) -> Result<u8, Malformed> {
    match (tens, ones) {
        (b'0'..=b'9', b'0'..=b'9') => Ok((tens - b'0') * 10 + (ones - b'0')),
        _ => Err(Malformed),
    }
}

/// Decodes a universal primitive value.
pub fn decode<'a, T>(element: Element<'a>) -> Result<T, Malformed>
where
    T: Choice<'a> + DecodeValue<'a, Error = der::Error>,
{
    Ok(AnyRef::new(element.tag, element.value)?.decode_as::<T>()?)
}

/// Text of one of the string types that names and personal data use.
pub fn text(element: Element<'_>) -> Result<&str, Malformed> {
    match element.tag {
        Tag::Utf8String => std::str::from_utf8(element.value).map_err(|_| Malformed),
        Tag::PrintableString | Tag::Ia5String => {
            std::str::from_utf8(element.value).ok().filter(|t| t.is_ascii()).ok_or(Malformed)
        }
        _ => Err(Malformed),
    }
}

/// Walks the attributes of a `Name`, in order; checks its shape.
pub fn for_each_attribute<'a>(
    name: &'a [u8],
    mut visit: impl FnMut(ObjectIdentifier, Element<'a>),
) -> Result<(), Malformed> {
    whole(name, |outer| {
        outer.inside(Tag::Sequence, |rdns| {
            rdns.each(|rdns| {
                rdns.inside(Tag::Set, |set| {
                    if set.is_empty() {
                        return Err(Malformed);
                    }
                    set.each(|set| {
                        set.inside(Tag::Sequence, |attribute| {
                            let id = attribute.oid()?;
                            visit(id, attribute.any()?);
                            Ok(())
                        })
                    })
                })
            })
        })
    })
}

/// The one `directoryName` that these `GeneralNames` are, or `None` if they are anything else well-formed.
pub fn only_directory_name<'a>(names: &mut Elements<'a>) -> Result<Option<&'a [u8]>, Malformed> {
    let mut found = None;
    let mut count = 0_u32;
    names.each(|names| {
        let name = names.any()?;
        count = count.saturating_add(1);
        if name.tag == constructed(4) {
            found = Some(whole(name.value, Elements::name)?);
        }
        Ok::<(), Malformed>(())
    })?;
    Ok(found.filter(|_| count == 1))
}

/// An `AlgorithmIdentifier`.
#[derive(Debug, Clone, Copy)]
pub struct Algorithm<'a> {
    /// DER of the whole.
    pub raw: &'a [u8],
    /// The identifier.
    pub oid: ObjectIdentifier,
    /// The parameters, if there are any.
    pub parameters: Option<Element<'a>>,
}

impl Algorithm<'_> {
    /// The signature algorithm, or its identifier if it is not in the table. RSA needs its NULL parameter
    /// (RFC 4055 5), ECDSA and Ed25519 have none (RFC 5758 3.2, RFC 8410 3), PSS has exactly those with one digest
    /// in both places (RFC 4055 3.1); other PSS parameters are not in the table.
    ///
    /// # Errors
    /// [`Malformed`] if the parameters are not those of the algorithm.
    pub fn signature(&self) -> Result<Result<SignatureAlgorithm, ObjectIdentifier>, Malformed> {
        Ok(self.signature_or_sha1()?.and_then(|algorithm| {
            if algorithm == SignatureAlgorithm::RsaPkcs1Sha1 { Err(self.oid) } else { Ok(algorithm) }
        }))
    }

    /// [`signature`](Self::signature), SHA-1 included: for who judges old evidence by a policy that says until when.
    ///
    /// # Errors
    /// [`Malformed`].
    pub fn signature_or_sha1(&self) -> Result<Result<SignatureAlgorithm, ObjectIdentifier>, Malformed> {
        let (algorithm, has_null) = match self.oid {
            oid::SHA1_WITH_RSA => (SignatureAlgorithm::RsaPkcs1Sha1, true),
            oid::SHA256_WITH_RSA => (SignatureAlgorithm::RsaPkcs1Sha256, true),
            oid::SHA384_WITH_RSA => (SignatureAlgorithm::RsaPkcs1Sha384, true),
            oid::SHA512_WITH_RSA => (SignatureAlgorithm::RsaPkcs1Sha512, true),
            oid::ECDSA_WITH_SHA256 => (SignatureAlgorithm::EcdsaSha256, false),
            oid::ECDSA_WITH_SHA384 => (SignatureAlgorithm::EcdsaSha384, false),
            oid::ECDSA_WITH_SHA512 => (SignatureAlgorithm::EcdsaSha512, false),
            oid::ED25519 => (SignatureAlgorithm::Ed25519, false),
            oid::RSASSA_PSS => return Ok(self.pss()?.ok_or(oid::RSASSA_PSS)),
            other => return Ok(Err(other)),
        };
        let right = match self.parameters {
            Some(parameters) => has_null && parameters.raw == [0x05, 0x00],
            None => !has_null,
        };
        if right { Ok(Ok(algorithm)) } else { Err(Malformed) }
    }

    /// `RSASSA-PSS-params` (RFC 4055 3.1); `None` if well-formed but with SHA-1 or two digests or another mask.
    fn pss(&self) -> Result<Option<SignatureAlgorithm>, Malformed> {
        let parameters = self.parameters.filter(|p| p.tag == Tag::Sequence).ok_or(Malformed)?;
        whole(parameters.value, |p| {
            let hash =
                p.optional(constructed(0))?.map(|e| whole(e.value, Elements::algorithm)).transpose()?;
            let mask =
                p.optional(constructed(1))?.map(|e| whole(e.value, Elements::algorithm)).transpose()?;
            if let Some(salt) = p.optional(constructed(2))? {
                whole(salt.value, Elements::small_unsigned)?;
            }
            if let Some(trailer) = p.optional(constructed(3))? {
                whole(trailer.value, Elements::small_unsigned)?;
            }
            let (Some(hash), Some(mask)) = (hash, mask) else { return Ok(None) };
            let mask_hash = match mask.parameters {
                Some(inner) if mask.oid == oid::MGF1 => whole(inner.raw, Elements::algorithm)?,
                _ => return Ok(None),
            };
            let (Ok(hash), Ok(mask_hash)) = (hash.digest()?, mask_hash.digest()?) else { return Ok(None) };
            Ok((hash == mask_hash)
                .then_some(match hash {
                    DigestAlgorithm::Sha1 => None,
                    DigestAlgorithm::Sha256 => Some(SignatureAlgorithm::RsaPssSha256),
                    DigestAlgorithm::Sha384 => Some(SignatureAlgorithm::RsaPssSha384),
                    DigestAlgorithm::Sha512 => Some(SignatureAlgorithm::RsaPssSha512),
                })
                .flatten())
        })
    }

    /// The digest algorithm, or its identifier if it is not in the table. Its parameter is absent or NULL
    /// (RFC 5754 2).
    ///
    /// # Errors
    /// [`Malformed`] if there are other parameters.
    pub fn digest(&self) -> Result<Result<DigestAlgorithm, ObjectIdentifier>, Malformed> {
        let algorithm = match self.oid {
            oid::SHA1 => DigestAlgorithm::Sha1,
            oid::SHA256 => DigestAlgorithm::Sha256,
            oid::SHA384 => DigestAlgorithm::Sha384,
            oid::SHA512 => DigestAlgorithm::Sha512,
            other => return Ok(Err(other)),
        };
        if self.parameters.is_none_or(|p| p.raw == [0x05, 0x00]) { Ok(Ok(algorithm)) } else { Err(Malformed) }
    }
}
