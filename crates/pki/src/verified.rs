//! A certificate that was judged TOTAL-PASSED.

use std::fmt;

use musubi_crypto::PublicKey;
use musubi_kernel::UnixTime;

use crate::attributes::BasicAttributes;
use crate::certificate::UnverifiedCertificate;
use crate::key::{AuthorityKind, CertKey};
use crate::oid;
use crate::profile::Environment;

/// A certificate for which every check of a judgement passed, at the time of that judgement.
#[derive(Clone)]
pub struct VerifiedCertificate {
    key: CertKey,
    environment: Environment,
    der: Vec<u8>,
    public_key: PublicKey,
    issuer_key_id: String,
    not_before: UnixTime,
    not_after: UnixTime,
    common_name: Option<String>,
    localities: Vec<String>,
    attributes: Option<BasicAttributes>,
}

impl VerifiedCertificate {
    /// For [`judge`](crate::judge()) alone, after TOTAL-PASSED. `None` if there is no key, which cannot have passed.
    pub(crate) fn new(
        certificate: UnverifiedCertificate<'_>,
        key: CertKey,
        environment: Environment,
        issuer_key_id: String,
        attributes: Option<BasicAttributes>,
    ) -> Option<Self> {
        let (mut common_name, mut localities) = (None, Vec::new());
        certificate.subject().for_each_text(|attribute, text| match attribute {
            oid::COMMON_NAME if common_name.is_none() => common_name = Some(text.to_owned()),
            oid::LOCALITY_NAME => localities.push(text.to_owned()),
            _ => {}
        });
        Some(Self {
            key,
            environment,
            der: certificate.der().to_vec(),
            issuer_key_id,
            not_before: certificate.not_before(),
            not_after: certificate.not_after(),
            public_key: certificate.into_public_key()?,
            common_name,
            localities,
            attributes,
        })
    }

    /// Authority and serial number.
    #[must_use]
    pub fn key(&self) -> &CertKey {
        &self.key
    }

    /// The issuing authority, hence the kind of certificate.
    #[must_use]
    pub fn kind(&self) -> AuthorityKind {
        self.key.authority
    }

    /// Production or test.
    #[must_use]
    pub fn environment(&self) -> Environment {
        self.environment
    }

    /// Its bytes.
    #[must_use]
    pub fn der(&self) -> &[u8] {
        &self.der
    }

    /// The holder's public key.
    #[must_use]
    pub fn public_key(&self) -> &PublicKey {
        &self.public_key
    }

    /// The key identifier of the issuing generation, lower-case hex.
    #[must_use]
    pub fn issuer_key_id(&self) -> &str {
        &self.issuer_key_id
    }

    /// The first second of the validity period.
    #[must_use]
    pub fn not_before(&self) -> UnixTime {
        self.not_before
    }

    /// The last second of the validity period.
    #[must_use]
    pub fn not_after(&self) -> UnixTime {
        self.not_after
    }

    /// The subject's common name: an opaque number of the issuance, as personal as a serial number.
    #[must_use]
    pub fn common_name(&self) -> Option<&str> {
        self.common_name.as_deref()
    }

    /// The subject's localities in romaji: prefecture, then municipality. Digital-signature certificates only.
    #[must_use]
    pub fn localities(&self) -> &[String] {
        &self.localities
    }

    /// 基本4情報; `None` for a user-authentication certificate, which has none.
    #[must_use]
    pub fn attributes(&self) -> Option<&BasicAttributes> {
        self.attributes.as_ref()
    }
}

impl fmt::Debug for VerifiedCertificate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("VerifiedCertificate").field("kind", &self.kind()).finish_non_exhaustive()
    }
}
