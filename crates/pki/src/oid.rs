//! Object identifiers, as they stand in the JPKI's certificates and revocation lists.

use std::borrow::Cow;

use const_oid::ObjectIdentifier;

use crate::key::AuthorityKind;
use crate::profile::Environment;

macro_rules! oids {
    ($($(#[$doc:meta])* $name:ident = $text:literal;)*) => {
        $($(#[$doc])* pub const $name: ObjectIdentifier = ObjectIdentifier::new_unwrap($text);)*
    };
}

/// The dotted text; without work for the identifiers that every certificate of the JPKI has.
pub(crate) fn text(oid: ObjectIdentifier) -> Cow<'static, str> {
    Cow::Borrowed(match oid {
        POLICY_DIGITAL_SIGNATURE => "1.2.392.200149.8.5.1.1.20",
        POLICY_USER_AUTHENTICATION => "1.2.392.200149.8.5.1.3.30",
        POLICY_TEST_DIGITAL_SIGNATURE => "1.2.392.200149.8.5.1.0.20",
        POLICY_TEST_USER_AUTHENTICATION => "1.2.392.200149.8.5.1.0.30",
        CLIENT_AUTH => "1.3.6.1.5.5.7.3.2",
        other => return Cow::Owned(other.to_string()),
    })
}

/// The identifier that these content octets stand for, if nearly every certificate has it: reading it then costs no look
/// at its arcs. The others are `None` here.
#[inline]
pub(crate) fn known(content: &[u8]) -> Option<ObjectIdentifier> {
    Some(match *content {
        [0x55, 0x04, last] => match last {
            3 => COMMON_NAME,
            6 => COUNTRY_NAME,
            7 => LOCALITY_NAME,
            10 => ORGANIZATION_NAME,
            11 => ORGANIZATIONAL_UNIT_NAME,
            _ => return None,
        },
        [0x55, 0x1D, last] => match last {
            14 => SUBJECT_KEY_IDENTIFIER,
            15 => KEY_USAGE,
            17 => SUBJECT_ALT_NAME,
            18 => ISSUER_ALT_NAME,
            19 => BASIC_CONSTRAINTS,
            20 => CRL_NUMBER,
            21 => REASON_CODE,
            31 => CRL_DISTRIBUTION_POINTS,
            32 => CERTIFICATE_POLICIES,
            35 => AUTHORITY_KEY_IDENTIFIER,
            37 => EXTENDED_KEY_USAGE,
            _ => return None,
        },
        // 1.2.840.113549.1.1
        [0x2A, 0x86, 0x48, 0x86, 0xF7, 0x0D, 0x01, 0x01, last] => match last {
            1 => RSA_ENCRYPTION,
            11 => SHA256_WITH_RSA,
            _ => return None,
        },
        // 1.2.392.200149.8.5.5
        [0x2A, 0x83, 0x08, 0x8C, 0x9B, 0x55, 0x08, 0x05, 0x05, last] => match last {
            1 => PERSONAL_NAME,
            2 => PERSONAL_NAME_SUBSTITUTES,
            3 => PERSONAL_SEX,
            4 => PERSONAL_DATE_OF_BIRTH,
            5 => PERSONAL_ADDRESS,
            6 => PERSONAL_ADDRESS_SUBSTITUTES,
            _ => return None,
        },
        _ => return None,
    })
}

oids! {
    /// `id-sha1` (RFC 3370).
    SHA1 = "1.3.14.3.2.26";
    /// `id-sha256` (RFC 5754).
    SHA256 = "2.16.840.1.101.3.4.2.1";
    /// `id-sha384` (RFC 5754).
    SHA384 = "2.16.840.1.101.3.4.2.2";
    /// `id-sha512` (RFC 5754).
    SHA512 = "2.16.840.1.101.3.4.2.3";
    /// `sha1WithRSAEncryption` (RFC 3370).
    SHA1_WITH_RSA = "1.2.840.113549.1.1.5";
    /// `id-RSASSA-PSS` (RFC 4055).
    RSASSA_PSS = "1.2.840.113549.1.1.10";
    /// `id-mgf1` (RFC 4055).
    MGF1 = "1.2.840.113549.1.1.8";
    /// `sha384WithRSAEncryption` (RFC 4055).
    SHA384_WITH_RSA = "1.2.840.113549.1.1.12";
    /// `sha512WithRSAEncryption` (RFC 4055).
    SHA512_WITH_RSA = "1.2.840.113549.1.1.13";
    /// `ecdsa-with-SHA512` (RFC 5758).
    ECDSA_WITH_SHA512 = "1.2.840.10045.4.3.4";
    /// `id-Ed25519` (RFC 8410).
    ED25519 = "1.3.101.112";
    /// `sha256WithRSAEncryption` (RFC 4055).
    SHA256_WITH_RSA = "1.2.840.113549.1.1.11";
    /// `ecdsa-with-SHA256` (RFC 5758).
    ECDSA_WITH_SHA256 = "1.2.840.10045.4.3.2";
    /// `ecdsa-with-SHA384` (RFC 5758).
    ECDSA_WITH_SHA384 = "1.2.840.10045.4.3.3";
    /// `rsaEncryption` (RFC 3279).
    RSA_ENCRYPTION = "1.2.840.113549.1.1.1";
    /// `id-ecPublicKey` (RFC 5480).
    EC_PUBLIC_KEY = "1.2.840.10045.2.1";
    /// P-256 (RFC 5480).
    SECP256R1 = "1.2.840.10045.3.1.7";
    /// P-384 (RFC 5480).
    SECP384R1 = "1.3.132.0.34";

    /// `countryName`.
    COUNTRY_NAME = "2.5.4.6";
    /// `localityName`.
    LOCALITY_NAME = "2.5.4.7";
    /// `organizationName`.
    ORGANIZATION_NAME = "2.5.4.10";
    /// `organizationalUnitName`.
    ORGANIZATIONAL_UNIT_NAME = "2.5.4.11";
    /// `commonName`.
    COMMON_NAME = "2.5.4.3";
    /// `emailAddress` (RFC 2985).
    EMAIL_ADDRESS = "1.2.840.113549.1.9.1";

    /// `subjectKeyIdentifier`.
    SUBJECT_KEY_IDENTIFIER = "2.5.29.14";
    /// `keyUsage`.
    KEY_USAGE = "2.5.29.15";
    /// `subjectAltName`.
    SUBJECT_ALT_NAME = "2.5.29.17";
    /// `issuerAltName`.
    ISSUER_ALT_NAME = "2.5.29.18";
    /// `basicConstraints`.
    BASIC_CONSTRAINTS = "2.5.29.19";
    /// `cRLNumber`.
    CRL_NUMBER = "2.5.29.20";
    /// `reasonCode`.
    REASON_CODE = "2.5.29.21";
    /// `deltaCRLIndicator`.
    DELTA_CRL_INDICATOR = "2.5.29.27";
    /// `issuingDistributionPoint`.
    ISSUING_DISTRIBUTION_POINT = "2.5.29.28";
    /// `cRLDistributionPoints`.
    CRL_DISTRIBUTION_POINTS = "2.5.29.31";
    /// `certificatePolicies`.
    CERTIFICATE_POLICIES = "2.5.29.32";
    /// `nameConstraints`.
    NAME_CONSTRAINTS = "2.5.29.30";
    /// `policyMappings`.
    POLICY_MAPPINGS = "2.5.29.33";
    /// `policyConstraints`.
    POLICY_CONSTRAINTS = "2.5.29.36";
    /// `freshestCRL`.
    FRESHEST_CRL = "2.5.29.46";
    /// `inhibitAnyPolicy`.
    INHIBIT_ANY_POLICY = "2.5.29.54";
    /// `id-pkix-ocsp-nocheck`.
    OCSP_NO_CHECK = "1.3.6.1.5.5.7.48.1.5";
    /// `id-pkix-ocsp-basic`.
    OCSP_BASIC = "1.3.6.1.5.5.7.48.1.1";
    /// `id-pkix-ocsp-nonce`.
    OCSP_NONCE = "1.3.6.1.5.5.7.48.1.2";
    /// `id-pkix-ocsp-archive-cutoff`.
    OCSP_ARCHIVE_CUTOFF = "1.3.6.1.5.5.7.48.1.6";
    /// `id-pkix-ocsp-extended-revoke`.
    OCSP_EXTENDED_REVOKE = "1.3.6.1.5.5.7.48.1.9";
    /// `certificateIssuer`, of entries of indirect lists.
    CERTIFICATE_ISSUER = "2.5.29.29";
    /// `invalidityDate`.
    INVALIDITY_DATE = "2.5.29.24";
    /// `expiredCertsOnCRL` (X.509 9.5.2.8).
    EXPIRED_CERTS_ON_CRL = "2.5.29.60";
    /// `id-on-SmtpUTF8Mailbox` (RFC 9598).
    SMTP_UTF8_MAILBOX = "1.3.6.1.5.5.7.8.9";
    /// `anyPolicy`.
    ANY_POLICY = "2.5.29.32.0";
    /// `anyExtendedKeyUsage`.
    ANY_EXTENDED_KEY_USAGE = "2.5.29.37.0";
    /// `id-kp-OCSPSigning`.
    OCSP_SIGNING = "1.3.6.1.5.5.7.3.9";
    /// `id-kp-timeStamping`.
    TIME_STAMPING = "1.3.6.1.5.5.7.3.8";
    /// `id-kp-serverAuth`.
    SERVER_AUTH = "1.3.6.1.5.5.7.3.1";
    /// `authorityKeyIdentifier`.
    AUTHORITY_KEY_IDENTIFIER = "2.5.29.35";
    /// `extKeyUsage`.
    EXTENDED_KEY_USAGE = "2.5.29.37";
    /// `authorityInfoAccess`.
    AUTHORITY_INFO_ACCESS = "1.3.6.1.5.5.7.1.1";
    /// `id-kp-clientAuth`.
    CLIENT_AUTH = "1.3.6.1.5.5.7.3.2";

    /// personalData .1: 氏名.
    PERSONAL_NAME = "1.2.392.200149.8.5.5.1";
    /// personalData .2: 氏名代替文字の使用位置.
    PERSONAL_NAME_SUBSTITUTES = "1.2.392.200149.8.5.5.2";
    /// personalData .3: 性別.
    PERSONAL_SEX = "1.2.392.200149.8.5.5.3";
    /// personalData .4: 生年月日.
    PERSONAL_DATE_OF_BIRTH = "1.2.392.200149.8.5.5.4";
    /// personalData .5: 住所.
    PERSONAL_ADDRESS = "1.2.392.200149.8.5.5.5";
    /// personalData .6: 住所代替文字の使用位置.
    PERSONAL_ADDRESS_SUBSTITUTES = "1.2.392.200149.8.5.5.6";

    /// Policy of a digital-signature certificate on a card, production.
    POLICY_DIGITAL_SIGNATURE = "1.2.392.200149.8.5.1.1.20";
    /// Policy of a user-authentication certificate on a card, production.
    POLICY_USER_AUTHENTICATION = "1.2.392.200149.8.5.1.3.30";
    /// Policy of a digital-signature certificate on a test card.
    POLICY_TEST_DIGITAL_SIGNATURE = "1.2.392.200149.8.5.1.0.20";
    /// Policy of a user-authentication certificate on a test card.
    POLICY_TEST_USER_AUTHENTICATION = "1.2.392.200149.8.5.1.0.30";
}

/// The certificate policies that are known. Those of smartphone certificates are not confirmed, hence absent.
pub const POLICIES: [(ObjectIdentifier, AuthorityKind, Environment); 4] = [
    (POLICY_DIGITAL_SIGNATURE, AuthorityKind::DigitalSignature, Environment::Production),
    (POLICY_USER_AUTHENTICATION, AuthorityKind::UserAuthentication, Environment::Production),
    (POLICY_TEST_DIGITAL_SIGNATURE, AuthorityKind::DigitalSignature, Environment::Test),
    (POLICY_TEST_USER_AUTHENTICATION, AuthorityKind::UserAuthentication, Environment::Test),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_identifier_that_is_known_is_the_one_that_its_bytes_say() {
        let (names, extensions) = ([0x55, 0x04].as_slice(), [0x55, 0x1D].as_slice());
        let rsa = [0x2A, 0x86, 0x48, 0x86, 0xF7, 0x0D, 0x01, 0x01].as_slice();
        let personal = [0x2A, 0x83, 0x08, 0x8C, 0x9B, 0x55, 0x08, 0x05, 0x05].as_slice();
        let mut count = 0;
        for prefix in [names, extensions, rsa, personal] {
            for last in 0..=u8::MAX {
                let content = [prefix, &[last]].concat();
                if let Some(known) = known(&content) {
                    assert_eq!(ObjectIdentifier::from_bytes(&content), Ok(known));
                    count += 1;
                }
            }
        }
        assert_eq!(count, 24);
    }
}
