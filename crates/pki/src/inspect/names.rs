//! Names of identifiers, and names of people and things, for reading.

use const_oid::ObjectIdentifier;
use der::Tag;

use super::report::{Value, field};
use crate::asn1::{self, Element};
use crate::oid;
use crate::path::{DistributionPoint, GeneralName, PointName};

/// Types of attributes (RFC 4514 3, RFC 5280 A.1).
const ATTRIBUTES: &[(&str, &str)] = &[
    ("2.5.4.3", "CN"),
    ("2.5.4.4", "SN"),
    ("2.5.4.5", "serialNumber"),
    ("2.5.4.6", "C"),
    ("2.5.4.7", "L"),
    ("2.5.4.8", "ST"),
    ("2.5.4.9", "street"),
    ("2.5.4.10", "O"),
    ("2.5.4.11", "OU"),
    ("2.5.4.12", "title"),
    ("2.5.4.42", "GN"),
    ("2.5.4.46", "dnQualifier"),
    ("2.5.4.65", "pseudonym"),
    ("2.5.4.97", "organizationIdentifier"),
    ("0.9.2342.19200300.100.1.1", "UID"),
    ("0.9.2342.19200300.100.1.25", "DC"),
    ("1.2.840.113549.1.9.1", "emailAddress"),
];

/// Purposes, policies, personal data, access methods: what else is named by an identifier.
const OTHERS: &[(&str, &str)] = &[
    ("2.5.29.37.0", "anyExtendedKeyUsage"),
    ("1.3.6.1.5.5.7.3.1", "serverAuth"),
    ("1.3.6.1.5.5.7.3.2", "clientAuth"),
    ("1.3.6.1.5.5.7.3.3", "codeSigning"),
    ("1.3.6.1.5.5.7.3.4", "emailProtection"),
    ("1.3.6.1.5.5.7.3.8", "timeStamping"),
    ("1.3.6.1.5.5.7.3.9", "OCSPSigning"),
    ("1.3.6.1.5.5.7.3.36", "documentSigning"),
    ("2.5.29.32.0", "anyPolicy"),
    ("1.2.392.200149.8.5.1.1.20", "JPKI digital signature (署名用)"),
    ("1.2.392.200149.8.5.1.3.30", "JPKI user authentication (利用者証明用)"),
    ("1.2.392.200149.8.5.1.0.20", "JPKI digital signature, test (署名用・テスト)"),
    ("1.2.392.200149.8.5.1.0.30", "JPKI user authentication, test (利用者証明用・テスト)"),
    ("1.2.392.200149.8.5.5.1", "name (氏名)"),
    ("1.2.392.200149.8.5.5.2", "substitute characters in the name (氏名代替文字)"),
    ("1.2.392.200149.8.5.5.3", "sex (性別)"),
    ("1.2.392.200149.8.5.5.4", "date of birth (生年月日)"),
    ("1.2.392.200149.8.5.5.5", "address (住所)"),
    ("1.2.392.200149.8.5.5.6", "substitute characters in the address (住所代替文字)"),
    ("1.3.6.1.5.5.7.48.1", "OCSP"),
    ("1.3.6.1.5.5.7.48.2", "caIssuers"),
];

/// The identifier, with its name if it has one here.
pub(super) fn identifier(id: ObjectIdentifier) -> Value {
    identified(id, None)
}

fn identified(id: ObjectIdentifier, value: Option<String>) -> Value {
    Value::Identified(id, find(OTHERS, &id.to_string()), value)
}

fn find(table: &[(&str, &'static str)], id: &str) -> Option<&'static str> {
    table.iter().find(|(known, _)| *known == id).map(|(_, name)| *name)
}

/// A `Name` that was read before.
pub(super) fn name(der: &[u8]) -> Value {
    let mut attributes = Vec::new();
    // Its shape was checked.
    let _ = asn1::for_each_attribute(der, |id, value| {
        let id = id.to_string();
        attributes.push((find(ATTRIBUTES, &id).map_or(id, str::to_owned), text(value)));
    });
    Value::Name(attributes)
}

/// A text of any string type; what is none, as RFC 4514 2.4 writes it.
pub(super) fn text(value: Element<'_>) -> String {
    let bytes = value.value;
    let read = match value.tag {
        Tag::BmpString if bytes.len().is_multiple_of(2) => {
            let (pairs, _) = bytes.as_chunks::<2>();
            char::decode_utf16(pairs.iter().map(|pair| u16::from_be_bytes(*pair)))
                .collect::<Result<String, _>>()
                .ok()
        }
        Tag::TeletexString => Some(bytes.iter().map(|byte| char::from(*byte)).collect()),
        Tag::NumericString | Tag::VisibleString => {
            std::str::from_utf8(bytes).ok().filter(|text| text.is_ascii()).map(str::to_owned)
        }
        _ => asn1::text(value).ok().map(str::to_owned),
    };
    read.unwrap_or_else(|| format!("#{}", hex::encode(value.raw)))
}

pub(super) fn general_names(names: &[GeneralName<'_>]) -> Value {
    Value::List(names.iter().map(general_name).collect())
}

fn general_name(name: &GeneralName<'_>) -> Value {
    let unread = |kind: &str, der: &[u8]| format!("{kind}: #{}", hex::encode(der));
    let told = match name {
        GeneralName::Other(id, der) => {
            let value = asn1::whole(der, asn1::Elements::any).map(text);
            let value = value.unwrap_or_else(|asn1::Malformed| format!("#{}", hex::encode(der)));
            return identified(*id, Some(value));
        }
        GeneralName::Directory(der) => return self::name(der),
        GeneralName::Mail(text) => format!("mail: {text}"),
        GeneralName::Dns(text) => format!("DNS: {text}"),
        GeneralName::Uri(text) => format!("URI: {text}"),
        GeneralName::Ip(bytes) => format!("IP: {}", address(bytes)),
        GeneralName::RegisteredId(id) => format!("registeredID: {id}"),
        GeneralName::X400(der) => unread("x400Address", der),
        GeneralName::EdiParty(der) => unread("ediPartyName", der),
    };
    Value::Text(told)
}

fn address(bytes: &[u8]) -> String {
    if let Ok(four) = <[u8; 4]>::try_from(bytes) {
        core::net::Ipv4Addr::from(four).to_string()
    } else if let Ok(sixteen) = <[u8; 16]>::try_from(bytes) {
        core::net::Ipv6Addr::from(sixteen).to_string()
    } else {
        format!("#{}", hex::encode(bytes))
    }
}

/// `cRLDistributionPoints`.
pub(super) fn distribution_points(points: &[DistributionPoint<'_>]) -> Value {
    let told = points.iter().map(|point| {
        let mut fields = Vec::new();
        match &point.name {
            Some(PointName::Full(names)) => {
                fields.push(field("full_name", "Full name", general_names(names)));
            }
            Some(PointName::Relative(der)) => {
                let unread = format!("#{}", hex::encode(der));
                fields.push(field("relative_name", "Relative to the list's issuer", unread));
            }
            None => {}
        }
        if let Some(reasons) = point.reasons {
            fields.push(field("reasons", "Reasons (失効理由)", bit_names(reasons, REASONS)));
        }
        if !point.crl_issuer.is_empty() {
            fields.push(field("crl_issuer", "List's issuer", general_names(&point.crl_issuer)));
        }
        Value::Fields(fields)
    });
    Value::List(told.collect())
}

/// Bits of `keyUsage`.
pub(super) const KEY_USAGES: &[&str] = &[
    "digitalSignature",
    "nonRepudiation",
    "keyEncipherment",
    "dataEncipherment",
    "keyAgreement",
    "keyCertSign",
    "cRLSign",
    "encipherOnly",
    "decipherOnly",
];

/// Bits of `ReasonFlags`.
pub(super) const REASONS: &[&str] = &[
    "unused",
    "keyCompromise",
    "cACompromise",
    "affiliationChanged",
    "superseded",
    "cessationOfOperation",
    "certificateHold",
    "privilegeWithdrawn",
    "aACompromise",
];

/// The names of the bits that are set, bit n as `1 << n`.
pub(super) fn bit_names(bits: u16, names: &[&'static str]) -> Value {
    let set = (0..16).filter(|n| bits & (1 << n) != 0);
    let named =
        set.map(|n: usize| names.get(n).map_or_else(|| format!("bit {n}"), |name| (*name).to_owned()));
    Value::from(named.collect::<Vec<_>>())
}

/// Name and label of an extension.
pub(super) fn extension(id: ObjectIdentifier) -> Option<(&'static str, &'static str)> {
    Some(match id {
        oid::SUBJECT_KEY_IDENTIFIER => ("subjectKeyIdentifier", "Subject key identifier (主体者鍵識別子)"),
        oid::KEY_USAGE => ("keyUsage", "Key usage (鍵使用目的)"),
        oid::SUBJECT_ALT_NAME => ("subjectAltName", "Subject alternative name (主体者別名)"),
        oid::ISSUER_ALT_NAME => ("issuerAltName", "Issuer alternative name (発行者別名)"),
        oid::BASIC_CONSTRAINTS => ("basicConstraints", "Basic constraints (基本制約)"),
        oid::CRL_NUMBER => ("cRLNumber", "List number (CRL番号)"),
        oid::DELTA_CRL_INDICATOR => ("deltaCRLIndicator", "Delta of the list with the number"),
        oid::ISSUING_DISTRIBUTION_POINT => ("issuingDistributionPoint", "Scope (発行配布点)"),
        oid::CRL_DISTRIBUTION_POINTS => ("cRLDistributionPoints", "Distribution points (CRL配布点)"),
        oid::FRESHEST_CRL => ("freshestCRL", "Delta lists at"),
        oid::CERTIFICATE_POLICIES => ("certificatePolicies", "Policies (証明書ポリシー)"),
        oid::POLICY_MAPPINGS => ("policyMappings", "Policy mappings (ポリシーマッピング)"),
        oid::POLICY_CONSTRAINTS => ("policyConstraints", "Policy constraints (ポリシー制約)"),
        oid::INHIBIT_ANY_POLICY => ("inhibitAnyPolicy", "Inhibit any policy"),
        oid::NAME_CONSTRAINTS => ("nameConstraints", "Name constraints (名前制約)"),
        oid::AUTHORITY_KEY_IDENTIFIER => {
            ("authorityKeyIdentifier", "Authority key identifier (認証局鍵識別子)")
        }
        oid::EXTENDED_KEY_USAGE => ("extKeyUsage", "Extended key usage (拡張鍵使用目的)"),
        oid::AUTHORITY_INFO_ACCESS => {
            ("authorityInfoAccess", "Authority information access (機関情報アクセス)")
        }
        oid::OCSP_NO_CHECK => ("ocspNoCheck", "Responder need not be checked"),
        oid::EXPIRED_CERTS_ON_CRL => ("expiredCertsOnCRL", "Keeps expired certificates since"),
        _ => return None,
    })
}

/// A serial number from its content octets, as `openssl x509 -serial` prints it.
pub(super) fn serial(octets: &[u8]) -> String {
    match octets {
        [0, rest @ ..] if !rest.is_empty() => hex::encode_upper(rest),
        all => hex::encode_upper(all),
    }
}
