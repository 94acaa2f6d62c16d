//! Extensions of certificates and lists, one after the other as they stand there.

use const_oid::ObjectIdentifier;
use der::Tag;

use super::names;
use super::report::{Extension, Field, Value, field};
use crate::asn1::{self, Element, Elements, Malformed, constructed, primitive, whole};
use crate::oid;
use crate::path::{GeneralName, IssuerKeyId, PathExtensions};

/// Bytes of an unknown extension that are shown.
const MAX_SHOWN: usize = 64;

/// The extensions in `list`, each told by `tell` or else as bytes.
pub(super) fn tell<'a>(
    list: &mut Elements<'a>,
    tell: impl Fn(ObjectIdentifier, &'a [u8]) -> Result<Option<Value>, Malformed>,
) -> Result<Value, Malformed> {
    let mut out = Vec::new();
    list.extensions(
        |_| Malformed,
        |id, is_critical, value| {
            let told = tell(id, value)?.unwrap_or_else(|| Value::Text(bytes(value)));
            let named = names::extension(id);
            out.push(Value::Extension(Box::new(Extension {
                oid: id.to_string(),
                label: named.map_or_else(|| id.to_string(), |(_, label)| label.to_owned()),
                name: named.map(|(name, _)| name),
                is_critical,
                value: told,
            })));
            Ok(())
        },
    )?;
    Ok(Value::List(out))
}

fn bytes(value: &[u8]) -> String {
    match value.get(..MAX_SHOWN) {
        Some(start) if value.len() > MAX_SHOWN => {
            format!("#{}… ({} bytes)", hex::encode(start), value.len())
        }
        _ => format!("#{}", hex::encode(value)),
    }
}

/// An extension of a certificate of which all were read.
pub(super) fn of_certificate(
    read: &PathExtensions<'_>,
    id: ObjectIdentifier,
    value: &[u8],
) -> Result<Option<Value>, Malformed> {
    let oids = |ids: &[ObjectIdentifier]| {
        Value::from(ids.iter().map(|id| names::identifier(*id)).collect::<Vec<_>>())
    };
    Ok(match id {
        oid::BASIC_CONSTRAINTS => read.basic_constraints.map(|constraints| {
            let mut fields = vec![field("ca", "Authority (認証局)", constraints.is_ca)];
            let length = constraints.path_length.map(u64::from);
            fields.extend(length.map(|length| field("path_length", "Path length", length)));
            Value::Fields(fields)
        }),
        oid::KEY_USAGE => read.key_usage.map(|bits| names::bit_names(bits, names::KEY_USAGES)),
        oid::EXTENDED_KEY_USAGE => read.extended_key_usage.as_ref().map(|(purposes, _)| oids(purposes)),
        oid::CERTIFICATE_POLICIES => read.policies.as_ref().map(|policies| oids(policies)),
        oid::POLICY_MAPPINGS => read.policy_mappings.as_ref().map(|mappings| {
            let told = mappings.iter().map(|(from, to)| format!("{from} → {to}"));
            Value::from(told.collect::<Vec<_>>())
        }),
        oid::POLICY_CONSTRAINTS => read.policy_constraints.map(|constraints| {
            let skip =
                |key, label, count: Option<u32>| count.map(|count| field(key, label, u64::from(count)));
            let explicit = skip("require_explicit", "Require explicit policy", constraints.require_explicit);
            let mapping = skip("inhibit_mapping", "Inhibit policy mapping", constraints.inhibit_mapping);
            Value::Fields(explicit.into_iter().chain(mapping).collect())
        }),
        oid::INHIBIT_ANY_POLICY => read.inhibit_any_policy.map(|skip| Value::Number(skip.into())),
        oid::SUBJECT_ALT_NAME => read.subject_alt_names.as_deref().map(names::general_names),
        oid::ISSUER_ALT_NAME => Some(names::general_names(&general_names(value)?)),
        oid::AUTHORITY_KEY_IDENTIFIER => read.authority_key_id.as_ref().map(issuer_key_id),
        oid::SUBJECT_KEY_IDENTIFIER => read.subject_key_id.map(|id| Value::Text(hex::encode_upper(id))),
        oid::CRL_DISTRIBUTION_POINTS => {
            read.crl_distribution_points.as_deref().map(names::distribution_points)
        }
        oid::FRESHEST_CRL => read.freshest_crl.as_deref().map(names::distribution_points),
        oid::AUTHORITY_INFO_ACCESS => Some(access(value)?),
        oid::OCSP_NO_CHECK => Some(Value::Flag(true)),
        _ => None,
    })
}

fn general_names(value: &[u8]) -> Result<Vec<GeneralName<'_>>, Malformed> {
    whole(value, |v| v.inside(Tag::Sequence, GeneralName::read_all))
}

fn issuer_key_id(id: &IssuerKeyId<'_>) -> Value {
    let mut fields = Vec::new();
    fields.extend(id.key_id.map(|id| field("key_id", "Key identifier (鍵識別子)", hex::encode_upper(id))));
    if !id.issuer.is_empty() {
        fields.push(field("issuer", "Issuer (発行者)", names::general_names(&id.issuer)));
    }
    fields.extend(
        id.serial.map(|serial| {
            field("serial_number", "Serial number (シリアル番号)", super::names::serial(serial))
        }),
    );
    Value::Fields(fields)
}

/// `AuthorityInfoAccessSyntax` (RFC 5280 4.2.2.1).
fn access(value: &[u8]) -> Result<Value, Malformed> {
    let mut out = Vec::new();
    whole(value, |v| {
        v.inside(Tag::Sequence, |list| {
            list.each(|list| {
                list.inside(Tag::Sequence, |one| {
                    let method = names::identifier(one.oid()?);
                    let location = names::general_names(&[GeneralName::read(one)?]);
                    out.push(Value::Fields(vec![
                        field("method", "Method", method),
                        field("location", "Location", location),
                    ]));
                    Ok::<_, Malformed>(())
                })
            })
        })
    })?;
    Ok(Value::List(out))
}

/// An extension of a revocation list.
pub(super) fn of_list(id: ObjectIdentifier, value: &[u8]) -> Result<Option<Value>, Malformed> {
    let number = || whole(value, Elements::unsigned).map(|number| Value::Text(decimal(number)));
    Ok(match id {
        oid::CRL_NUMBER | oid::DELTA_CRL_INDICATOR => Some(number()?),
        oid::ISSUING_DISTRIBUTION_POINT => Some(Value::Fields(scope(value)?)),
        oid::AUTHORITY_KEY_IDENTIFIER => {
            let id = whole(value, |v| {
                v.inside(Tag::Sequence, |parts| {
                    let key_id = parts.optional(primitive(0))?.map(|e| e.value);
                    let issuer = match parts.optional(constructed(1))? {
                        Some(names) => whole(names.value, GeneralName::read_all)?,
                        None => Vec::new(),
                    };
                    let serial = parts.optional(primitive(2))?.map(|e| e.value);
                    Ok::<_, Malformed>(IssuerKeyId { key_id, issuer, serial })
                })
            })?;
            Some(issuer_key_id(&id))
        }
        oid::EXPIRED_CERTS_ON_CRL => Some(whole(value, Elements::time_of_any_form)?.into()),
        _ => None,
    })
}

/// `IssuingDistributionPoint` (RFC 5280 5.2.5).
fn scope(value: &[u8]) -> Result<Vec<Field>, Malformed> {
    let mut out = Vec::new();
    whole(value, |v| {
        v.inside(Tag::Sequence, |fields| {
            fields.each(|fields| {
                let part = fields.any()?;
                let is_set = Value::Flag(part.value == [0xFF]);
                out.push(match part.tag {
                    tag if tag == constructed(0) => {
                        let names =
                            whole(part.value, |name| name.inside(constructed(0), GeneralName::read_all));
                        // A relative name is shown as it stands.
                        let told = names.map_or_else(
                            |Malformed| Value::Text(bytes(part.value)),
                            |names| names::general_names(&names),
                        );
                        field("full_name", "Full name", told)
                    }
                    tag if tag == primitive(1) => {
                        field("only_user_certificates", "Only end entities", is_set)
                    }
                    tag if tag == primitive(2) => {
                        field("only_authority_certificates", "Only authorities", is_set)
                    }
                    tag if tag == primitive(3) => {
                        let bits: der::asn1::BitStringRef<'_> =
                            asn1::decode(Element { tag: Tag::BitString, ..part })?;
                        let set = bits
                            .bits()
                            .take(16)
                            .enumerate()
                            .fold(0, |out, (n, bit)| out | (u16::from(bit) << n));
                        field(
                            "only_reasons",
                            "Only for the reasons (失効理由)",
                            names::bit_names(set, names::REASONS),
                        )
                    }
                    tag if tag == primitive(4) => field("indirect", "Indirect (間接CRL)", is_set),
                    tag if tag == primitive(5) => {
                        field("only_attribute_certificates", "Only attribute certificates", is_set)
                    }
                    _ => return Err(Malformed),
                });
                Ok(())
            })
        })
    })?;
    Ok(out)
}

/// A number of any size: in decimal if it is not too long for that, else in hexadecimal.
fn decimal(number: &[u8]) -> String {
    if number.len() > 16 {
        return format!("0x{}", hex::encode_upper(number));
    }
    number.iter().fold(0_u128, |value, byte| (value << 8) | u128::from(*byte)).to_string()
}
