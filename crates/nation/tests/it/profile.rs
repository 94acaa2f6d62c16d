//! What the nation issues against real J-LIS test certificates, element by element: only named values differ.

use musubi_nation::CardOperation::{Authenticate, Sign};
use musubi_pki::AuthorityKind;

use crate::support::{AOKI, Nation, SATO};

macro_rules! real {
    ($name:literal) => {
        include_bytes!(concat!(env!("CARGO_MANIFEST_DIR"), "/../pki/tests/fixtures/", $name))
    };
}

/// Tag, content and rest of the first element; `None` if it is no DER.
fn element(bytes: &[u8]) -> Option<(u8, &[u8], &[u8])> {
    let (&tag, rest) = bytes.split_first()?;
    let (&first, rest) = rest.split_first()?;
    let (length, rest) = match first {
        0..=0x7F => (usize::from(first), rest),
        0x81..=0x83 => {
            let (octets, rest) = rest.split_at_checked(usize::from(first & 0x7F))?;
            (octets.iter().fold(0, |n, b| (n << 8) | usize::from(*b)), rest)
        }
        _ => return None,
    };
    let (content, rest) = rest.split_at_checked(length)?;
    Some((tag, content, rest))
}

fn children(mut content: &[u8]) -> Option<Vec<(u8, &[u8])>> {
    let mut all = Vec::new();
    while !content.is_empty() {
        let (tag, inner, rest) = element(content)?;
        all.push((tag, inner));
        content = rest;
    }
    Some(all)
}

/// Walks both trees in lock-step; an OCTET STRING that holds DER counts as its parent.
fn compare(path: &str, a: (u8, &[u8]), b: (u8, &[u8]), differences: &mut Vec<String>) {
    assert_eq!(a.0, b.0, "tag at {path}");
    let nested = |(tag, content): (u8, &[u8])| {
        tag == 4 && element(content).is_some_and(|(_, _, rest)| rest.is_empty())
    };
    let constructed = a.0 & 0x20 != 0 || (nested(a) && nested(b));
    if !constructed {
        if a.1 != b.1 {
            differences.push(path.to_owned());
        }
        return;
    }
    let (a, b) = (children(a.1).unwrap(), children(b.1).unwrap());
    assert_eq!(a.len(), b.len(), "number of elements at {path}");
    for (i, (a, b)) in a.into_iter().zip(b).enumerate() {
        compare(&format!("{path}.{i}"), a, b, differences);
    }
}

fn differences(ours: &[u8], real: &[u8]) -> Vec<String> {
    let whole = |bytes| {
        let (tag, content, rest) = element(bytes).unwrap();
        assert!(rest.is_empty());
        (tag, content)
    };
    let mut found = Vec::new();
    compare("", whole(ours), whole(real), &mut found);
    found
}

const SERIAL: &str = ".0.1";
const NOT_BEFORE: &str = ".0.4.0";
const NOT_AFTER: &str = ".0.4.1";
const KEY: &str = ".0.6.1";
const SIGNATURE: &str = ".2";

mod signing {
    pub(super) const PREFECTURE: &str = ".0.5.1.0.1";
    pub(super) const MUNICIPALITY: &str = ".0.5.2.0.1";
    pub(super) const COMMON_NAME: &str = ".0.5.3.0.1";
    pub(super) const NAME: &str = ".0.7.0.1.1.0.0.1.0";
    pub(super) const DATE_OF_BIRTH: &str = ".0.7.0.1.1.0.1.1.0";
    pub(super) const SEX: &str = ".0.7.0.1.1.0.2.1.0";
    pub(super) const ADDRESS: &str = ".0.7.0.1.1.0.3.1.0";
    pub(super) const ADDRESS_MASK: &str = ".0.7.0.1.1.0.5.1.0";
    pub(super) const PARTITION_PREFECTURE: &str = ".0.7.0.4.1.0.0.0.0.0.0.4.0.1";
    pub(super) const PARTITION: &str = ".0.7.0.4.1.0.0.0.0.0.0.5.0.1";
    pub(super) const AUTHORITY_KEY: &str = ".0.7.0.5.1.0.0";
    pub(super) const AUTHORITY_SERIAL: &str = ".0.7.0.5.1.0.2";
    pub(super) const SUBJECT_KEY: &str = ".0.7.0.6.1.0";
}

#[tokio::test]
async fn a_signing_certificate_differs_from_a_real_one_only_in_its_values() {
    use signing::*;
    let nation = Nation::sqlite().await;
    let real = real!("jpki-sign-cert.der");
    // Misaki Aoki lives where the holder of the real test card does.
    let same_town = [
        SERIAL,
        NOT_BEFORE,
        NOT_AFTER,
        COMMON_NAME,
        KEY,
        NAME,
        DATE_OF_BIRTH,
        SEX,
        ADDRESS,
        ADDRESS_MASK,
        AUTHORITY_KEY,
        AUTHORITY_SERIAL,
        SUBJECT_KEY,
        SIGNATURE,
    ];
    assert_eq!(differences(&nation.certificate(AOKI, Sign).await, real), same_town);
    // Kenichi Sato has the sex of the holder, but another town.
    let other_town = [
        SERIAL,
        NOT_BEFORE,
        NOT_AFTER,
        PREFECTURE,
        MUNICIPALITY,
        COMMON_NAME,
        KEY,
        NAME,
        DATE_OF_BIRTH,
        ADDRESS,
        ADDRESS_MASK,
        PARTITION_PREFECTURE,
        PARTITION,
        AUTHORITY_KEY,
        AUTHORITY_SERIAL,
        SUBJECT_KEY,
        SIGNATURE,
    ];
    assert_eq!(differences(&nation.certificate(SATO, Sign).await, real), other_town);
}

#[tokio::test]
async fn a_user_authentication_certificate_differs_from_a_real_one_only_in_its_values() {
    let nation = Nation::sqlite().await;
    let real = real!("jpki-auth-cert.der");
    let (common_name, prefecture, partition) =
        (".0.5.1.0.1", ".0.7.0.4.1.0.0.0.0.0.0.4.0.1", ".0.7.0.4.1.0.0.0.0.0.0.5.0.1");
    let (authority_key, authority_serial, subject_key) = (".0.7.0.6.1.0.0", ".0.7.0.6.1.0.2", ".0.7.0.7.1.0");
    let same_town = [
        SERIAL,
        NOT_BEFORE,
        NOT_AFTER,
        common_name,
        KEY,
        authority_key,
        authority_serial,
        subject_key,
        SIGNATURE,
    ];
    assert_eq!(differences(&nation.certificate(AOKI, Authenticate).await, real), same_town);
    let other_town = [
        SERIAL,
        NOT_BEFORE,
        NOT_AFTER,
        common_name,
        KEY,
        prefecture,
        partition,
        authority_key,
        authority_serial,
        subject_key,
        SIGNATURE,
    ];
    assert_eq!(differences(&nation.certificate(SATO, Authenticate).await, real), other_town);
}

#[tokio::test]
async fn an_authority_differs_from_the_real_test_authorities_only_in_its_values() {
    let nation = Nation::sqlite().await;
    let expected = [SERIAL, NOT_BEFORE, NOT_AFTER, KEY, ".0.7.0.4.1.0", SIGNATURE];
    for (kind, der) in nation.world.trust_anchors() {
        let real: [&[u8]; 2] = match kind {
            AuthorityKind::DigitalSignature => {
                [real!("roots-test/signca-test-2019.cer"), real!("roots-test/signca-test-2024.cer")]
            }
            AuthorityKind::UserAuthentication => {
                [real!("roots-test/authca-test-2019.cer"), real!("roots-test/authca-test-2023.cer")]
            }
        };
        for real in real {
            assert_eq!(differences(&der, real), expected, "{kind}");
        }
    }
}

#[tokio::test]
async fn subjects_have_the_forms_of_the_real_ones() {
    let nation = Nation::sqlite().await;
    let text = |der: &[u8], length: usize, end: &str| {
        let end = der.windows(end.len()).position(|w| w == end.as_bytes()).unwrap() + end.len();
        String::from_utf8(der[end - length..end].to_vec()).unwrap()
    };
    let signing = text(&nation.certificate(AOKI, Sign).await, 28, "13221003A");
    assert!(
        signing.starts_with("20251023") && signing.bytes().take(24).all(|b| b.is_ascii_digit()),
        "{signing}"
    );
    let opaque = text(&nation.certificate(AOKI, Authenticate).await, 23, "13221003A");
    assert!(opaque.bytes().all(|b| b.is_ascii_uppercase() || b.is_ascii_digit()), "{opaque}");
}

#[tokio::test]
async fn hard_cases_stand_in_certificates_as_the_rules_say() {
    let nation = Nation::sqlite().await;
    let holds = |der: &[u8], text: &str| der.windows(text.len()).any(|w| w == text.as_bytes());
    let expected: [(&str, &[&str]); 6] = [
        ("yoshino-ieko", &["〓野　家子", "10000"]),
        ("takasaki-osamu", &["高崎　修", "1100"]),
        ("uehara-ume", &["119120615"]),
        ("ninomiya-ayumu", &["419960229", "300228145959Z"]),
        ("takanashi-nanami", &["タカナシ　ナナミ", "\u{8}\u{5}\u{5}c"]),
        ("teramachi-sumiyo", &[&"0".repeat(200)]),
    ];
    for (id, texts) in expected {
        let der = nation.certificate(id, Sign).await;
        for text in texts {
            assert!(holds(&der, text), "{id}: {text}");
        }
    }
    let unknown = nation.certificate("fujiwara-kaoru", Sign).await;
    let sex = [0x2A, 0x83, 0x08, 0x8C, 0x9B, 0x55, 8, 5, 5, 3, 0xA0, 3, 0x0C, 1, b'3'];
    assert!(unknown.windows(sex.len()).any(|w| w == sex));
}
