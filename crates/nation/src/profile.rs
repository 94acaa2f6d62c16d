//! The bytes of certificates, in the order, criticality and string types of the real ones (facts §1.1–1.8, read
//! off J-LIS test cards and their authorities). `tests/it/profile.rs` compares them element by element.
//!
//! Our own choices: a birthday on 29 February ends a validity on 28 February in common years; a certificate
//! does not outlive its authority; the furigana's OID (the real one is not public); the OCSP responder's
//! certificate (RFC 6960 4.2.2.2).

use musubi_kernel::{Date, TimeError, UnixTime};
use musubi_pki::{AuthorityKind, BasicAttributes, DateOfBirth, Sex};

use crate::Municipality;
use crate::der;
use crate::keys::NationKey;

const COUNTRY: &[u8] = &[0x55, 4, 6];
const ORGANIZATION: &[u8] = &[0x55, 4, 10];
const UNIT: &[u8] = &[0x55, 4, 11];
const LOCALITY: &[u8] = &[0x55, 4, 7];
const COMMON_NAME: &[u8] = &[0x55, 4, 3];

const KEY_USAGE: &[u8] = &[0x55, 0x1D, 15];
const SUBJECT_ALT_NAME: &[u8] = &[0x55, 0x1D, 17];
const ISSUER_ALT_NAME: &[u8] = &[0x55, 0x1D, 18];
const BASIC_CONSTRAINTS: &[u8] = &[0x55, 0x1D, 19];
const CRL_DISTRIBUTION_POINTS: &[u8] = &[0x55, 0x1D, 31];
const CERTIFICATE_POLICIES: &[u8] = &[0x55, 0x1D, 32];
const AUTHORITY_KEY_IDENTIFIER: &[u8] = &[0x55, 0x1D, 35];
const EXTENDED_KEY_USAGE: &[u8] = &[0x55, 0x1D, 37];
const SUBJECT_KEY_IDENTIFIER: &[u8] = &[0x55, 0x1D, 14];
const AUTHORITY_INFO_ACCESS: &[u8] = &[0x2B, 6, 1, 5, 5, 7, 1, 1];
/// 1.3.6.1.5.5.7.48.1
const ID_AD_OCSP: &[u8] = &[0x2B, 6, 1, 5, 5, 7, 48, 1];
/// 1.3.6.1.5.5.7.48.1.5
const OCSP_NOCHECK: &[u8] = &[0x2B, 6, 1, 5, 5, 7, 48, 1, 5];
/// 1.3.6.1.5.5.7.3.9
const KP_OCSP_SIGNING: &[u8] = &[0x2B, 6, 1, 5, 5, 7, 3, 9];
/// 1.3.6.1.5.5.7.3.2
const KP_CLIENT_AUTH: &[u8] = &[0x2B, 6, 1, 5, 5, 7, 3, 2];
/// 1.3.6.1.5.5.7.2.1
const QT_CPS: &[u8] = &[0x2B, 6, 1, 5, 5, 7, 2, 1];
/// 1.2.392.200149.8.5.1.0: policies of the test hierarchy.
const TEST_POLICIES: &[u8] = &[0x2A, 0x83, 0x08, 0x8C, 0x9B, 0x55, 8, 5, 1, 0];
/// 1.2.392.200149.8.5.5: personal data.
const PERSONAL_DATA: &[u8] = &[0x2A, 0x83, 0x08, 0x8C, 0x9B, 0x55, 8, 5, 5];
/// Last arc of our own furigana entry. Nothing is known at this number in reality: a verifier must tolerate it.
const FURIGANA: u8 = 99;
const CPS_URI: &str = "http://www.jpki.go.jp/cps.html";
/// The address that J-LIS test cards carry. Nothing here asks it: the operator configures the responder.
const OCSP_URI: &str = "http://test-ocspauthnorm.jpki.go.jp";
/// Terminal number in subjects; its meaning in reality is not known.
const TERMINAL: &str = "003A";

/// An authority's generation as issuer.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Issuer<'a> {
    pub(crate) kind: AuthorityKind,
    /// Serial number of its own certificate.
    pub(crate) serial: u32,
    pub(crate) key: &'a NationKey,
    /// The key identifier that it claims; a forger claims another's.
    pub(crate) key_id: &'a [u8; 20],
}

/// Start and end of validity.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Validity {
    pub(crate) not_before: UnixTime,
    pub(crate) not_after: UnixTime,
}

/// A certificate to be issued to a resident.
#[derive(Debug)]
pub(crate) struct Order<'a> {
    pub(crate) serial: u32,
    pub(crate) validity: Validity,
    pub(crate) municipality: &'a Municipality,
    pub(crate) attributes: &'a BasicAttributes,
    /// Reading of the name, for the one who has it in the certificate.
    pub(crate) furigana: Option<&'a str>,
    pub(crate) key: &'a NationKey,
    /// 14 characters of `0-9A-Z` in the subject of a user-authentication certificate.
    pub(crate) opaque: &'a str,
}

/// `AlgorithmIdentifier` sha256WithRSAEncryption with NULL parameters.
pub(crate) fn sha256_with_rsa() -> Vec<u8> {
    der::sequence(&[der::tlv(der::OID, &[0x2A, 0x86, 0x48, 0x86, 0xF7, 0x0D, 1, 1, 11]), vec![5, 0]])
}

fn name(parts: &[(&[u8], &str)]) -> Vec<u8> {
    let names: Vec<Vec<u8>> = parts
        .iter()
        .map(|(oid, text)| {
            let tag = if *oid == COUNTRY { der::PRINTABLE_STRING } else { der::UTF8_STRING };
            let pair = der::sequence(&[der::tlv(der::OID, oid), der::tlv(tag, text.as_bytes())]);
            der::set_of_one(&pair)
        })
        .collect();
    der::sequence(&names)
}

fn unit_of(kind: AuthorityKind) -> &'static str {
    match kind {
        AuthorityKind::DigitalSignature => "JPKI for digital signature",
        AuthorityKind::UserAuthentication => "JPKI for user authentication",
    }
}

/// The name that all generations of an authority share.
pub(crate) fn authority_name(kind: AuthorityKind) -> Vec<u8> {
    let agency = "Japan Agency for Local Authority Information Systems";
    name(&[(COUNTRY, "JP"), (ORGANIZATION, "JPKI-TEST"), (UNIT, unit_of(kind)), (UNIT, agency)])
}

fn directory_names(name: &[u8]) -> Vec<u8> {
    der::sequence(&[der::context(4, name)])
}

fn japanese_name(kind: AuthorityKind) -> Vec<u8> {
    let unit = match kind {
        AuthorityKind::DigitalSignature => "公的個人認証サービス署名用",
        AuthorityKind::UserAuthentication => "公的個人認証サービス利用者証明用",
    };
    let agency = "地方公共団体情報システム機構";
    directory_names(&name(&[
        (COUNTRY, "JP"),
        (ORGANIZATION, "公的個人認証サービス"),
        (UNIT, unit),
        (UNIT, agency),
    ]))
}

/// `DistributionPointName`, `[0]` as in a `DistributionPoint` and in an `IssuingDistributionPoint`: the
/// partition of a municipality, the same bytes in certificates and in its list.
pub(crate) fn partition_of(kind: AuthorityKind, municipality: &Municipality) -> Vec<u8> {
    distribution_point_name(&partition_name(kind, municipality))
}

/// The directory name of a municipality's partition, DER.
pub(crate) fn partition_name(kind: AuthorityKind, municipality: &Municipality) -> Vec<u8> {
    let list = format!("{} CRLDP", municipality.romaji);
    name(&[
        (COUNTRY, "JP"),
        (ORGANIZATION, "JPKI-TEST"),
        (UNIT, unit_of(kind)),
        (UNIT, "CRL Distribution Points"),
        (UNIT, municipality.prefecture_romaji),
        (COMMON_NAME, &list),
    ])
}

fn distribution_point_name(name: &[u8]) -> Vec<u8> {
    der::context(0, &der::context(0, &der::context(4, name)))
}

fn distribution_points(point: &[u8]) -> Vec<u8> {
    der::sequence(&[der::sequence(&[point])])
}

/// An `Extension`.
pub(crate) fn extension(oid: &[u8], critical: bool, value: &[u8]) -> Vec<u8> {
    let mut parts = vec![der::tlv(der::OID, oid)];
    if critical {
        parts.push(der::tlv(der::BOOLEAN, &[0xFF]));
    }
    parts.push(der::tlv(der::OCTET_STRING, value));
    der::sequence(&parts)
}

/// keyUsage's content: one octet of flags and how many of its low bits are not used.
fn key_usage(unused: u8, flags: u8) -> Vec<u8> {
    extension(KEY_USAGE, true, &der::tlv(der::BIT_STRING, &[unused, flags]))
}

fn subject_key_identifier(key: &NationKey) -> Vec<u8> {
    extension(SUBJECT_KEY_IDENTIFIER, false, &der::tlv(der::OCTET_STRING, key.key_id()))
}

fn authority_key_identifier(issuer: &Issuer<'_>) -> Vec<u8> {
    let value = der::sequence(&[
        der::context_primitive(0, issuer.key_id),
        der::context(1, &der::context(4, &authority_name(issuer.kind))),
        der::context_primitive(2, &der::unsigned_content(&issuer.serial.to_be_bytes())),
    ]);
    extension(AUTHORITY_KEY_IDENTIFIER, false, &value)
}

/// authorityKeyIdentifier with the key identifier alone, as lists carry it.
pub(crate) fn key_identifier_only(key_id: &[u8]) -> Vec<u8> {
    extension(AUTHORITY_KEY_IDENTIFIER, false, &der::sequence(&[der::context_primitive(0, key_id)]))
}

fn policies(kind: AuthorityKind) -> Vec<u8> {
    let last = match kind {
        AuthorityKind::DigitalSignature => 20,
        AuthorityKind::UserAuthentication => 30,
    };
    let policy = [TEST_POLICIES, &[last]].concat();
    let qualifier =
        der::sequence(&[der::tlv(der::OID, QT_CPS), der::tlv(der::IA5_STRING, CPS_URI.as_bytes())]);
    let information = der::sequence(&[der::tlv(der::OID, &policy), der::sequence(&[qualifier])]);
    extension(CERTIFICATE_POLICIES, true, &der::sequence(&[information]))
}

fn personal_data(last: u8, text: &str) -> Vec<u8> {
    let oid = [PERSONAL_DATA, &[last]].concat();
    let value = der::context(0, &der::tlv(der::UTF8_STRING, text.as_bytes()));
    der::context(0, &[der::tlv(der::OID, &oid), value].concat())
}

fn subject_alt_name(attributes: &BasicAttributes, furigana: Option<&str>) -> Vec<u8> {
    let mask = |flags: &[bool]| -> String { flags.iter().map(|f| if *f { '1' } else { '0' }).collect() };
    let sex = match attributes.sex {
        Sex::Male => "1",
        Sex::Female => "2",
        Sex::Unknown => "3",
    };
    let mut names = vec![
        personal_data(1, &attributes.name),
        personal_data(4, &attributes.date_of_birth.to_certificate()),
        personal_data(3, sex),
        personal_data(5, &attributes.address),
        personal_data(2, &mask(&attributes.name_substitutes)),
        personal_data(6, &mask(&attributes.address_substitutes)),
    ];
    names.extend(furigana.map(|reading| personal_data(FURIGANA, reading)));
    extension(SUBJECT_ALT_NAME, false, &der::sequence(&names))
}

fn to_be_signed(
    issuer: AuthorityKind,
    serial: u32,
    validity: Validity,
    subject: &[u8],
    key: &NationKey,
    extensions: &[Vec<u8>],
) -> Vec<u8> {
    der::sequence(&[
        der::context(0, &der::unsigned(&[2])),
        der::unsigned(&serial.to_be_bytes()),
        sha256_with_rsa(),
        authority_name(issuer),
        der::sequence(&[der::time(validity.not_before), der::time(validity.not_after)]),
        subject.to_vec(),
        key.spki().to_vec(),
        der::context(3, &der::sequence(extensions)),
    ])
}

/// `SIGNED{…}`: the bytes, the algorithm, the signature.
pub(crate) fn signed(to_be_signed: Vec<u8>, key: &NationKey) -> Result<Vec<u8>, musubi_crypto::SignError> {
    let signature = key.sign(&to_be_signed)?;
    Ok(der::sequence(&[to_be_signed, sha256_with_rsa(), der::bit_string(&signature)]))
}

/// A self-signed authority certificate (facts §1.2).
pub(crate) fn authority_certificate(
    issuer: &Issuer<'_>,
    validity: Validity,
) -> Result<Vec<u8>, musubi_crypto::SignError> {
    let own = authority_name(issuer.kind);
    let extensions = [
        key_usage(1, 0x06),
        extension(SUBJECT_ALT_NAME, false, &japanese_name(issuer.kind)),
        extension(BASIC_CONSTRAINTS, true, &der::sequence(&[der::tlv(der::BOOLEAN, &[0xFF])])),
        extension(CRL_DISTRIBUTION_POINTS, false, &distribution_points(&distribution_point_name(&own))),
        subject_key_identifier(issuer.key),
    ];
    signed(to_be_signed(issuer.kind, issuer.serial, validity, &own, issuer.key, &extensions), issuer.key)
}

/// A resident's certificate of the issuer's kind (facts §1.4, §1.6).
pub(crate) fn resident_certificate(
    issuer: &Issuer<'_>,
    order: &Order<'_>,
) -> Result<Vec<u8>, musubi_crypto::SignError> {
    let kind = issuer.kind;
    let partition = distribution_points(&partition_of(kind, order.municipality));
    let partition = extension(CRL_DISTRIBUTION_POINTS, false, &partition);
    let alt_name = extension(ISSUER_ALT_NAME, false, &japanese_name(kind));
    let (subject, extensions) = match kind {
        AuthorityKind::DigitalSignature => (
            digital_signature_subject(order),
            vec![
                key_usage(6, 0xC0),
                subject_alt_name(order.attributes, order.furigana),
                policies(kind),
                alt_name,
                partition,
                authority_key_identifier(issuer),
                subject_key_identifier(order.key),
            ],
        ),
        AuthorityKind::UserAuthentication => {
            let access = der::sequence(&[
                der::tlv(der::OID, ID_AD_OCSP),
                der::context_primitive(6, OCSP_URI.as_bytes()),
            ]);
            let client = der::sequence(&[der::tlv(der::OID, KP_CLIENT_AUTH)]);
            (
                user_authentication_subject(order),
                vec![
                    key_usage(7, 0x80),
                    extension(EXTENDED_KEY_USAGE, false, &client),
                    policies(kind),
                    alt_name,
                    partition,
                    extension(AUTHORITY_INFO_ACCESS, false, &der::sequence(&[access])),
                    authority_key_identifier(issuer),
                    subject_key_identifier(order.key),
                ],
            )
        }
    };
    signed(to_be_signed(kind, order.serial, order.validity, &subject, order.key, &extensions), issuer.key)
}

/// The certificate of a generation's OCSP responder.
pub(crate) fn responder_certificate(
    issuer: &Issuer<'_>,
    serial: u32,
    validity: Validity,
    key: &NationKey,
) -> Result<Vec<u8>, musubi_crypto::SignError> {
    let subject = name(&[
        (COUNTRY, "JP"),
        (ORGANIZATION, "JPKI-TEST"),
        (UNIT, unit_of(issuer.kind)),
        (COMMON_NAME, "OCSP Responder"),
    ]);
    let extensions = [
        key_usage(7, 0x80),
        extension(EXTENDED_KEY_USAGE, true, &der::sequence(&[der::tlv(der::OID, KP_OCSP_SIGNING)])),
        extension(OCSP_NOCHECK, false, &[5, 0]),
        authority_key_identifier(issuer),
        subject_key_identifier(key),
    ];
    signed(to_be_signed(issuer.kind, serial, validity, &subject, key, &extensions), issuer.key)
}

/// `C, L=prefecture, L=municipality, CN=YYYYMMDDhhmmss + running number + municipality + terminal`.
fn digital_signature_subject(order: &Order<'_>) -> Vec<u8> {
    let (y, mo, d, h, mi, s) = order.validity.not_before.plus(9 * 3600).to_utc();
    let running = order.serial % 100_000;
    let code = order.municipality.code;
    let common_name = format!("{y:04}{mo:02}{d:02}{h:02}{mi:02}{s:02}{running:05}{code}{TERMINAL}");
    name(&[
        (COUNTRY, "JP"),
        (LOCALITY, order.municipality.prefecture_romaji),
        (LOCALITY, order.municipality.romaji),
        (COMMON_NAME, &common_name),
    ])
}

/// `C, CN=14 opaque characters + municipality + terminal`.
fn user_authentication_subject(order: &Order<'_>) -> Vec<u8> {
    let common_name = format!("{}{}{TERMINAL}", order.opaque, order.municipality.code);
    name(&[(COUNTRY, "JP"), (COMMON_NAME, &common_name)])
}

/// Validity of an authority: ten years less a day, to 23:59:59 JST.
pub(crate) fn authority_validity(from: UnixTime) -> Result<Validity, TimeError> {
    let date = from.date_in_japan();
    let not_after = anniversary(date.year() + 10, date.month(), date.day())?.plus_days(-1).ends_in_japan();
    Ok(Validity { not_before: from, not_after })
}

/// Validity of a resident's certificate: to the fifth birthday after the day of issue, 23:59:59 JST, but not
/// past the authority's end. An unknown month or day of birth counts as the first.
pub(crate) fn resident_validity(
    from: UnixTime,
    born: DateOfBirth,
    authority_end: UnixTime,
) -> Result<Validity, TimeError> {
    let not_after = birthday_after(from, born, 5)?.ends_in_japan().min(authority_end);
    Ok(Validity { not_before: from, not_after })
}

/// The last day of a card: the tenth birthday after the day of issue, for who is under 18 then the fifth
/// (個人番号カードの有効期間).
pub(crate) fn card_end(issued_at: UnixTime, born: DateOfBirth) -> Result<Date, TimeError> {
    birthday_after(issued_at, born, if age_at(born, issued_at) < 18 { 5 } else { 10 })
}

/// The `count`th birthday after a day. An unknown month or day of birth counts as the first.
pub(crate) fn birthday_after(at: UnixTime, born: DateOfBirth, count: i32) -> Result<Date, TimeError> {
    let today = at.date_in_japan();
    let birthday = |year: i32| anniversary(year, born.month.max(1), born.day.max(1));
    let first = if birthday(today.year())? > today { today.year() } else { today.year() + 1 };
    birthday(first + count - 1)
}

/// A day of a year; 29 February is 28 February in a common year.
pub(crate) fn anniversary(year: i32, month: u8, day: u8) -> Result<Date, TimeError> {
    match Date::new(year, month, day) {
        Err(_) if (month, day) == (2, 29) => Date::new(year, 2, 28),
        other => other,
    }
}

/// Whole years of age at an instant, counted in Japan.
pub(crate) fn age_at(born: DateOfBirth, at: UnixTime) -> i32 {
    let today = at.date_in_japan();
    let had = (today.month(), today.day()) >= (born.month, born.day);
    today.year() - i32::from(born.year) - i32::from(!had)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn end(issued: &str, born: &str) -> String {
        let from = UnixTime::parse_rfc3339(issued).unwrap();
        let validity = resident_validity(from, born.parse().unwrap(), UnixTime(i64::MAX)).unwrap();
        validity.not_after.rfc3339()
    }

    #[test]
    fn a_card_ends_with_the_tenth_birthday_and_a_childs_with_the_fifth() {
        let end = |issued: &str, born: &str| {
            card_end(UnixTime::parse_rfc3339(issued).unwrap(), born.parse().unwrap()).unwrap().to_string()
        };
        // The real test card (facts §4.5): 照合番号B has 2035.
        assert_eq!(end("2025-10-27T01:35:57Z", "1980-02-17"), "2035-02-17");
        assert_eq!(end("2025-10-27T01:35:57Z", "2007-10-28"), "2029-10-28", "17 on the day");
        assert_eq!(end("2025-10-27T01:35:57Z", "2007-10-27"), "2035-10-27", "18 on the day");
    }

    #[test]
    fn a_certificate_ends_with_the_fifth_birthday_after_issue() {
        // The real test card (facts §1.4).
        assert_eq!(end("2025-10-27T01:35:57Z", "1980-02-17"), "2030-02-17T14:59:59Z");
        assert_eq!(
            end("2026-02-16T15:30:00Z", "1980-02-17"),
            "2031-02-17T14:59:59Z",
            "issued on the birthday in Japan"
        );
        assert_eq!(end("2026-02-16T14:30:00Z", "1980-02-17"), "2030-02-17T14:59:59Z", "the evening before");
    }

    #[test]
    fn a_birthday_on_29_february_ends_on_the_28th_in_a_common_year() {
        assert_eq!(end("2025-10-27T01:35:57Z", "1996-02-29"), "2030-02-28T14:59:59Z");
        assert_eq!(end("2027-10-27T01:35:57Z", "1996-02-29"), "2032-02-29T14:59:59Z");
    }

    #[test]
    fn an_authority_lives_ten_years_less_a_day_as_the_real_ones_do() {
        let from = UnixTime::parse_rfc3339("2024-08-28T22:23:39Z").unwrap();
        assert_eq!(authority_validity(from).unwrap().not_after.rfc3339(), "2034-08-28T14:59:59Z");
    }

    #[test]
    fn a_fifteenth_birthday_is_reached_on_its_day() {
        let born: DateOfBirth = "2011-04-02".parse().unwrap();
        let at = |text| UnixTime::parse_rfc3339(text).unwrap();
        assert_eq!(age_at(born, at("2026-04-01T14:59:59Z")), 14);
        assert_eq!(age_at(born, at("2026-04-01T15:00:00Z")), 15);
    }
}
