//! Authorities and the certificates that they issue, in the form of the facts' §1.2, §1.4 and §1.6.

use const_oid::ObjectIdentifier;
use musubi_crypto::sha1_for_key_identifiers;
use musubi_kernel::UnixTime;
use musubi_pki::*;

use super::der::*;
use super::{DAY, Key, NOW, sign, signer};

/// `sha256WithRSAEncryption` with its NULL.
pub(crate) fn rsa_sha256() -> Vec<u8> {
    seq(&[&oid(oid_table::SHA256_WITH_RSA), &[5, 0]])
}

pub(crate) use musubi_pki::oid as oid_table;

pub(crate) fn authority_name(kind: AuthorityKind, organization: &str) -> Vec<u8> {
    let unit = match kind {
        AuthorityKind::DigitalSignature => "JPKI for digital signature",
        AuthorityKind::UserAuthentication => "JPKI for user authentication",
    };
    name(&[
        (oid_table::COUNTRY_NAME, "JP"),
        (oid_table::ORGANIZATION_NAME, organization),
        (oid_table::ORGANIZATIONAL_UNIT_NAME, unit),
        (oid_table::ORGANIZATIONAL_UNIT_NAME, "Japan Agency for Local Authority Information Systems"),
    ])
}

pub(crate) fn partition_name(kind: AuthorityKind, municipality: &str) -> Vec<u8> {
    let unit = match kind {
        AuthorityKind::DigitalSignature => "JPKI for digital signature",
        AuthorityKind::UserAuthentication => "JPKI for user authentication",
    };
    name(&[
        (oid_table::COUNTRY_NAME, "JP"),
        (oid_table::ORGANIZATION_NAME, "JPKI-TEST"),
        (oid_table::ORGANIZATIONAL_UNIT_NAME, unit),
        (oid_table::ORGANIZATIONAL_UNIT_NAME, "CRL Distribution Points"),
        (oid_table::ORGANIZATIONAL_UNIT_NAME, "Tokyo-to"),
        (oid_table::COMMON_NAME, &format!("{municipality} CRLDP")),
    ])
}

pub(crate) fn key_id(key: Key) -> Vec<u8> {
    sha1_for_key_identifiers(signer(key).public_key_pkcs1_der()).to_vec()
}

/// One generation of an authority.
#[derive(Clone)]
pub(crate) struct Authority {
    pub(crate) kind: AuthorityKind,
    pub(crate) key: Key,
    pub(crate) serial: Vec<u8>,
    pub(crate) name: Vec<u8>,
    pub(crate) key_usage: Option<Vec<u8>>,
    pub(crate) is_ca: bool,
    pub(crate) subject_key_id: bool,
    pub(crate) issuer: Option<Vec<u8>>,
    pub(crate) signed_with: Key,
    pub(crate) not_before: UnixTime,
    pub(crate) not_after: UnixTime,
    pub(crate) extra: Vec<Vec<u8>>,
}

impl Authority {
    pub(crate) fn of(kind: AuthorityKind, key: Key, serial: &[u8], not_before: UnixTime) -> Self {
        Self {
            kind,
            key,
            serial: serial.to_vec(),
            name: authority_name(kind, "JPKI-TEST"),
            key_usage: Some(vec![0x01, 0x06]),
            is_ca: true,
            subject_key_id: true,
            issuer: None,
            signed_with: key,
            not_before,
            not_after: not_before.plus(3652 * DAY),
            extra: Vec::new(),
        }
    }

    pub(crate) fn signature_first() -> Self {
        let from = NOW.plus(-2500 * DAY);
        Self::of(AuthorityKind::DigitalSignature, Key::SignatureFirst, &[0x32, 0xC4, 0xAB], from)
    }

    pub(crate) fn signature_second() -> Self {
        let from = NOW.plus(-800 * DAY);
        Self::of(AuthorityKind::DigitalSignature, Key::SignatureSecond, &[0x7C, 0x6A, 0x21], from)
    }

    pub(crate) fn authentication() -> Self {
        let from = NOW.plus(-800 * DAY);
        Self::of(AuthorityKind::UserAuthentication, Key::Authentication, &[0x6D, 0x18, 0x06], from)
    }

    pub(crate) fn certificate(&self) -> Vec<u8> {
        let mut extensions = Vec::new();
        if let Some(usage) = &self.key_usage {
            extensions.push(extension(oid_table::KEY_USAGE, true, &tlv(0x03, usage)));
        }
        if self.is_ca {
            extensions.push(extension(oid_table::BASIC_CONSTRAINTS, true, &seq(&[&boolean(true)])));
        }
        if self.subject_key_id {
            extensions.push(extension(oid_table::SUBJECT_KEY_IDENTIFIER, false, &octets(&key_id(self.key))));
        }
        extensions.extend(self.extra.iter().cloned());
        let tbs = seq(&[
            &ctx(0, &integer(&[2])),
            &integer(&self.serial),
            &rsa_sha256(),
            self.issuer.as_ref().unwrap_or(&self.name),
            &seq(&[&utc_time(self.not_before), &utc_time(self.not_after)]),
            &self.name,
            &signer(self.key).spki_der().unwrap(),
            &ctx(3, &seq(&[&extensions.concat()])),
        ]);
        seq(&[&tbs, &rsa_sha256(), &bits(&sign(self.signed_with, &tbs))])
    }

    /// `authorityKeyIdentifier` in three parts, naming this generation.
    pub(crate) fn key_identifier(&self) -> Vec<u8> {
        seq(&[
            &ctx_bytes(0, &key_id(self.key)),
            &ctx(1, &ctx(4, &self.name)),
            &ctx_bytes(2, &integer(&self.serial)[2..]),
        ])
    }

    pub(crate) fn issue(&self, leaf: &Leaf) -> Vec<u8> {
        let tbs = leaf.tbs(self);
        let outer = leaf.outer_algorithm.as_ref().unwrap_or(&leaf.algorithm);
        seq(&[&tbs, outer, &bits(&sign(self.key, &tbs))])
    }
}

/// Extensions by identifier, so that a test can replace or remove one.
pub(crate) type Extensions = Vec<(ObjectIdentifier, bool, Vec<u8>)>;

/// What goes into a certificate.
#[derive(Clone)]
pub(crate) struct Leaf {
    pub(crate) kind: AuthorityKind,
    pub(crate) version: Vec<u8>,
    /// The INTEGER, DER.
    pub(crate) serial: Vec<u8>,
    pub(crate) algorithm: Vec<u8>,
    pub(crate) outer_algorithm: Option<Vec<u8>>,
    pub(crate) issuer: Option<Vec<u8>>,
    /// The two times, DER.
    pub(crate) validity: [Vec<u8>; 2],
    pub(crate) subject: Vec<u8>,
    pub(crate) public_key: Vec<u8>,
    /// What stands between key and extensions.
    pub(crate) unique_ids: Vec<u8>,
    pub(crate) extensions: Extensions,
    /// `None`: the authority's own, in three parts. `Some(empty)`: absent.
    pub(crate) authority_key_id: Option<Vec<u8>>,
}

pub(crate) const HOLDER_NAME: &str = "黒桐　幹也";
pub(crate) const HOLDER_ADDRESS: &str = "東京都清瀬市観布子南１２－７－２０２";

/// The serial number of every certificate of the tests.
pub(crate) fn serial() -> SerialNumber {
    SerialNumber::from(0x1E_E607)
}

pub(crate) fn other_name(id: &str, text: &str) -> Vec<u8> {
    ctx(0, &[oid_text(id), ctx(0, &utf8(text))].concat())
}

/// The personal data in the order of real certificates.
pub(crate) fn personal_data() -> Vec<(&'static str, String)> {
    vec![
        ("1.2.392.200149.8.5.5.1", HOLDER_NAME.to_owned()),
        ("1.2.392.200149.8.5.5.4", "319800217".to_owned()),
        ("1.2.392.200149.8.5.5.3", "1".to_owned()),
        ("1.2.392.200149.8.5.5.5", HOLDER_ADDRESS.to_owned()),
        ("1.2.392.200149.8.5.5.2", "00000".to_owned()),
        ("1.2.392.200149.8.5.5.6", "0".repeat(18)),
    ]
}

pub(crate) fn alt_names(data: &[(&str, String)]) -> Vec<u8> {
    seq(&[&data.iter().map(|(id, text)| other_name(id, text)).collect::<Vec<_>>().concat()])
}

pub(crate) fn policies(policies: &[ObjectIdentifier]) -> Vec<u8> {
    let cps = seq(&[&oid_text("1.3.6.1.5.5.7.2.1"), &tlv(0x16, b"http://www.jpki.go.jp/cps.html")]);
    seq(&[&policies.iter().map(|p| seq(&[&oid(*p), &seq(&[&cps])])).collect::<Vec<_>>().concat()])
}

pub(crate) fn distribution_point(directory_name: &[u8]) -> Vec<u8> {
    seq(&[&seq(&[&ctx(0, &ctx(0, &ctx(4, directory_name)))])])
}

impl Leaf {
    fn base(kind: AuthorityKind, subject: Vec<u8>, usage: &[u8]) -> Self {
        let policy = policy_oid(kind, Environment::Test);
        let partition = partition_name(kind, "Kiyose-shi");
        Self {
            kind,
            version: ctx(0, &integer(&[2])),
            serial: integer(&[0x1E, 0xE6, 0x07]),
            algorithm: rsa_sha256(),
            outer_algorithm: None,
            issuer: None,
            validity: [utc_time(NOW.plus(-300 * DAY)), utc_time(NOW.plus(1000 * DAY))],
            subject,
            public_key: signer(Key::Holder).spki_der().unwrap(),
            unique_ids: Vec::new(),
            extensions: vec![
                (oid_table::KEY_USAGE, true, tlv(0x03, usage)),
                (oid_table::CERTIFICATE_POLICIES, true, policies(&[policy])),
                (oid_table::ISSUER_ALT_NAME, false, seq(&[&ctx(4, &authority_name(kind, "x"))])),
                (oid_table::CRL_DISTRIBUTION_POINTS, false, distribution_point(&partition)),
                (oid_table::SUBJECT_KEY_IDENTIFIER, false, octets(&key_id(Key::Holder))),
            ],
            authority_key_id: None,
        }
    }

    pub(crate) fn signature() -> Self {
        let subject = name(&[
            (oid_table::COUNTRY_NAME, "JP"),
            (oid_table::LOCALITY_NAME, "Tokyo-to"),
            (oid_table::LOCALITY_NAME, "Kiyose-shi"),
            (oid_table::COMMON_NAME, "202510161726000013413221003A"),
        ]);
        Self::base(AuthorityKind::DigitalSignature, subject, &[0x06, 0xC0]).with(
            oid_table::SUBJECT_ALT_NAME,
            false,
            alt_names(&personal_data()),
        )
    }

    pub(crate) fn authentication() -> Self {
        let subject =
            name(&[(oid_table::COUNTRY_NAME, "JP"), (oid_table::COMMON_NAME, "997794E9AGCIEG13221003A")]);
        let mut leaf = Self::base(AuthorityKind::UserAuthentication, subject, &[0x07, 0x80]);
        let usage = (oid_table::EXTENDED_KEY_USAGE, false, seq(&[&oid(oid_table::CLIENT_AUTH)]));
        leaf.extensions.insert(1, usage);
        leaf
    }

    /// Sets an extension, in its place if there is one.
    pub(crate) fn with(mut self, id: ObjectIdentifier, critical: bool, value: Vec<u8>) -> Self {
        match self.extensions.iter_mut().find(|(other, ..)| *other == id) {
            Some(place) => *place = (id, critical, value),
            None => self.extensions.push((id, critical, value)),
        }
        self
    }

    pub(crate) fn without(mut self, id: ObjectIdentifier) -> Self {
        self.extensions.retain(|(other, ..)| *other != id);
        self
    }

    /// The six personal data, changed.
    pub(crate) fn with_personal_data(self, change: impl FnOnce(&mut Vec<(&'static str, String)>)) -> Self {
        let mut data = personal_data();
        change(&mut data);
        self.with(oid_table::SUBJECT_ALT_NAME, false, alt_names(&data))
    }

    fn tbs(&self, authority: &Authority) -> Vec<u8> {
        let mut extensions: Vec<Vec<u8>> =
            self.extensions.iter().map(|(id, critical, value)| extension(*id, *critical, value)).collect();
        let key_identifier = self.authority_key_id.clone().unwrap_or_else(|| authority.key_identifier());
        if !key_identifier.is_empty() {
            extensions.push(extension(oid_table::AUTHORITY_KEY_IDENTIFIER, false, &key_identifier));
        }
        seq(&[
            &self.version,
            &self.serial,
            &self.algorithm,
            self.issuer.as_ref().unwrap_or(&authority.name),
            &seq(&[&self.validity[0], &self.validity[1]]),
            &self.subject,
            &self.public_key,
            &self.unique_ids,
            &ctx(3, &seq(&[&extensions.concat()])),
        ])
    }
}
