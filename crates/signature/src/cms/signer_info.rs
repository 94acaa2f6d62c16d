//! `SignerInfo` and its attributes (RFC 5652 5.3), read and not judged. Signed attributes are strict DER; the
//! container around them and unsigned attributes may be BER.

use const_oid::ObjectIdentifier;
use musubi_pki::asn1::{self, Algorithm, Element, Elements, Malformed};

use super::ber::{Node, Nodes, Work};
use super::oid;
use super::signed_data::object_identifier;
use crate::model::NotASignature;

/// Attributes of one signer, signed or unsigned, and values of one attribute.
pub(crate) const MAX_ATTRIBUTES: usize = 64;
/// Bytes of signed attributes. Some hold revocation lists.
pub(crate) const MAX_SIGNED_ATTRIBUTE_BYTES: usize = 16 << 20;

/// `SignerIdentifier`.
#[derive(Debug, Clone, Copy)]
pub(crate) enum SignerId<'a> {
    /// DER of the issuer's name and the content octets of the serial number.
    IssuerAndSerial { issuer: &'a [u8], serial: &'a [u8] },
    /// A subject key identifier.
    KeyIdentifier(&'a [u8]),
}

/// A `SignerInfo`.
pub(crate) struct SignerInfo<'a> {
    pub(crate) version: u64,
    pub(crate) id: SignerId<'a>,
    pub(crate) digest: Algorithm<'a>,
    /// With the tag `[0]`.
    pub(crate) signed_attributes: Option<Node<'a>>,
    pub(crate) signature_algorithm: Algorithm<'a>,
    pub(crate) signature: &'a [u8],
    /// `[1]`.
    pub(crate) unsigned_attributes: Option<Node<'a>>,
    /// `version` to `signature` as they stand in the input.
    pub(crate) protected_fields: &'a [u8],
}

impl<'a> SignerInfo<'a> {
    pub(crate) fn parse(info: Node<'a>, work: &Work) -> Result<Self, NotASignature> {
        const BAD: &str = "not a SignerInfo";
        if info.tag != 0x30 {
            return Err(NotASignature::Malformed(BAD));
        }
        let mut fields = Nodes::new(info.content, work);
        let version = strict(fields.tagged(0x02, BAD)?.raw, Elements::small_unsigned)?;
        let id = match fields.optional(0x80)? {
            Some(key) => SignerId::KeyIdentifier(key.content),
            None => strict(fields.tagged(0x30, BAD)?.raw, |outer| {
                outer.inside(der::Tag::Sequence, |pair| {
                    let issuer = pair.name()?;
                    Ok(SignerId::IssuerAndSerial { issuer, serial: pair.element(der::Tag::Integer)?.value })
                })
            })?,
        };
        let digest = strict(fields.tagged(0x30, BAD)?.raw, Elements::algorithm)?;
        let signed_attributes = fields.optional(0xA0)?;
        let signature_algorithm = strict(fields.tagged(0x30, BAD)?.raw, Elements::algorithm)?;
        let signature = fields.tagged(0x04, BAD)?.content;
        let rest = fields.remaining();
        let protected_fields =
            info.content.get(..info.content.len().saturating_sub(rest)).unwrap_or_default();
        let unsigned_attributes = fields.optional(0xA1)?;
        fields.end(BAD)?;
        Ok(Self {
            version,
            id,
            digest,
            signed_attributes,
            signature_algorithm,
            signature,
            unsigned_attributes,
            protected_fields,
        })
    }
}

fn strict<'a, T>(
    raw: &'a [u8],
    read: impl FnOnce(&mut Elements<'a>) -> Result<T, Malformed>,
) -> Result<T, NotASignature> {
    asn1::whole(raw, read).map_err(|Malformed| NotASignature::Malformed("a field of a SignerInfo is not DER"))
}

/// Attributes that have one value and stand at most once (RFC 5652 5.3, 11.1 to 11.3, RFC 5035 5.4, RFC 6211 2).
const SINGLE: [ObjectIdentifier; 6] = [
    oid::CONTENT_TYPE,
    oid::MESSAGE_DIGEST,
    oid::SIGNING_TIME,
    oid::SIGNING_CERTIFICATE,
    oid::SIGNING_CERTIFICATE_V2,
    oid::ALGORITHM_PROTECTION,
];

/// Signed attributes.
pub(crate) struct SignedAttributes<'a>(Vec<(ObjectIdentifier, Vec<Element<'a>>)>);

impl<'a> SignedAttributes<'a> {
    /// Reads the content of a DER `SET OF Attribute`. An error says what is wrong, without content.
    pub(crate) fn parse(set: &'a [u8]) -> Result<Self, &'static str> {
        let mut list: Vec<(ObjectIdentifier, Vec<Element<'a>>)> = Vec::new();
        let mut sorted = true;
        let mut too_many = false;
        asn1::whole(set, |attributes| {
            let mut last: &[u8] = &[];
            attributes.each(|attributes| {
                let attribute = attributes.element(der::Tag::Sequence)?;
                sorted &= last <= attribute.raw;
                last = attribute.raw;
                too_many |= list.len() >= MAX_ATTRIBUTES;
                if too_many {
                    return Err(Malformed);
                }
                asn1::whole(attribute.value, |parts| {
                    let id = parts.oid()?;
                    let values = parts.inside(der::Tag::Set, |set| {
                        let mut values: Vec<Element<'a>> = Vec::new();
                        set.each(|set| {
                            let value = set.any()?;
                            sorted &= values.last().is_none_or(|before| before.raw <= value.raw);
                            values.push(value);
                            if values.len() > MAX_ATTRIBUTES { Err(Malformed) } else { Ok(()) }
                        })?;
                        if values.is_empty() { Err(Malformed) } else { Ok(values) }
                    })?;
                    list.push((id, values));
                    Ok(())
                })
            })
        })
        .map_err(|Malformed| if too_many { "too many attributes" } else { "not DER" })?;
        if list.is_empty() {
            return Err("empty");
        }
        if !sorted {
            return Err("not sorted as DER demands");
        }
        for (at, (id, values)) in list.iter().enumerate() {
            let again = list.iter().take(at).any(|(other, _)| other == id);
            if again && *id != oid::CONTENT_TIME_STAMP {
                return Err("an attribute stands twice");
            }
            if SINGLE.contains(id) && values.len() != 1 {
                return Err("a single-valued attribute has several values");
            }
        }
        Ok(Self(list))
    }

    /// The first value of the attribute.
    pub(crate) fn one(&self, id: ObjectIdentifier) -> Option<Element<'a>> {
        self.all(id).next()
    }

    /// Every value of the attribute.
    pub(crate) fn all(&self, id: ObjectIdentifier) -> impl Iterator<Item = Element<'a>> {
        self.0.iter().filter(move |(other, _)| *other == id).flat_map(|(_, values)| values.iter().copied())
    }
}

/// A value of an unsigned attribute.
#[derive(Debug, Clone, Copy)]
pub(crate) struct UnsignedValue<'a> {
    pub(crate) id: ObjectIdentifier,
    /// The whole attribute, with its first value.
    pub(crate) attribute: Option<&'a [u8]>,
    /// `attrType`, with tag and length.
    pub(crate) type_raw: &'a [u8],
    pub(crate) value: Node<'a>,
}

/// Reads unsigned attributes, one entry per value, in order.
pub(crate) fn unsigned_values<'a>(
    attributes: Node<'a>,
    work: &Work,
) -> Result<Vec<UnsignedValue<'a>>, NotASignature> {
    const BAD: &str = "an unsigned attribute is malformed";
    let mut out = Vec::new();
    for attribute in Nodes::new(attributes.content, work).all(MAX_ATTRIBUTES, "unsigned attributes")? {
        if attribute.tag != 0x30 {
            return Err(NotASignature::Malformed(BAD));
        }
        let mut parts = Nodes::new(attribute.content, work);
        let kind = parts.tagged(0x06, BAD)?;
        let id = object_identifier(kind)?;
        let values = parts.inside(0x31, BAD)?.all(MAX_ATTRIBUTES, "values of an unsigned attribute")?;
        parts.end(BAD)?;
        let attributes = std::iter::once(Some(attribute.raw)).chain(std::iter::repeat(None));
        out.extend(values.into_iter().zip(attributes).map(|(value, attribute)| UnsignedValue {
            id,
            attribute,
            type_raw: kind.raw,
            value,
        }));
    }
    Ok(out)
}
