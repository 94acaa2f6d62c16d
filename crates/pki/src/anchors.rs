//! Trust anchors: the authorities' self-signed certificates, all generations. Generations of one kind have one
//! name, so an issuer is chosen by key identifier and signature, never by name.

use std::fmt;

use musubi_crypto::{PublicKey, Sha256Digest, sha256};
use musubi_kernel::UnixTime;

use crate::certificate::{ParseError, UnverifiedCertificate};
use crate::extensions::AuthorityKeyIdentifier;
use crate::key::{AuthorityKind, SerialNumber};
use crate::oid;
use crate::profile::{Environment, organizational_unit};

/// The production roots that J-LIS publishes, with the SHA-256 fingerprints of their DER.
const PRODUCTION: [(AuthorityKind, &[u8], &str); 6] = [
    (
        AuthorityKind::DigitalSignature,
        include_bytes!("../anchors/signca01.cer"),
        "19645405a1fe14377434bd55957628ac4038557c542403a2243f21c706fc9355",
    ),
    (
        AuthorityKind::DigitalSignature,
        include_bytes!("../anchors/signca02.cer"),
        "79679c33e4cc9319440f1ad120a597ff1844e2ef217063adb176966fd5e6fbeb",
    ),
    (
        AuthorityKind::DigitalSignature,
        include_bytes!("../anchors/signca03.cer"),
        "d227f6cde11d35c5252178f106f843d24651944975413b539fa2fb68dbfa365f",
    ),
    (
        AuthorityKind::UserAuthentication,
        include_bytes!("../anchors/authca01.cer"),
        "4dcfc4ca0aaf9fb2a3081b3f0c991c320b3acc008667a341eeaec5af1d58ca7d",
    ),
    (
        AuthorityKind::UserAuthentication,
        include_bytes!("../anchors/authca02.cer"),
        "0d98de47fc11b7f67126874b7028b6026a803d2638d6edfe53176953961fade6",
    ),
    (
        AuthorityKind::UserAuthentication,
        include_bytes!("../anchors/authca03.cer"),
        "64114f29620c24ed2631d46476a040e7ee740d956089c00b036a6a8118c322b5",
    ),
];

/// `keyUsage` of an authority: keyCertSign and cRLSign.
const AUTHORITY_KEY_USAGE: &[u8] = &[0x01, 0x06];

/// Why a certificate cannot be a trust anchor.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum AnchorError {
    /// No certificate was given.
    #[error("there is no trust anchor")]
    None,
    /// An embedded root is not the published one.
    #[error("the fingerprint of an embedded root differs from the published one")]
    Fingerprint,
    /// Not a certificate.
    #[error("a trust anchor cannot be read: {0}")]
    Parse(#[from] ParseError),
    /// Subject and issuer differ, or it is not signed with its own key.
    #[error("a trust anchor is not self-signed")]
    NotSelfSigned,
    /// Not a CA (`basicConstraints`), or `keyUsage` is not exactly keyCertSign and cRLSign, or there is no
    /// subject key identifier, or an unknown critical extension.
    #[error("a trust anchor is not an authority's certificate")]
    NotAnAuthority,
    /// The key is of no kind that is verified.
    #[error("a trust anchor has an unsupported key")]
    Key,
    /// The name is not that of this kind of authority in this environment.
    #[error("a trust anchor's name is not that of this authority in this environment")]
    Name,
    /// Given twice.
    #[error("a trust anchor occurs twice")]
    Duplicate,
}

/// One generation of an authority.
#[derive(Clone)]
pub struct Anchor {
    kind: AuthorityKind,
    der: Vec<u8>,
    fingerprint: Sha256Digest,
    name: Vec<u8>,
    serial: SerialNumber,
    key: PublicKey,
    key_id: Vec<u8>,
    /// In hex: it stands in every verdict.
    key_id_text: String,
    not_before: UnixTime,
    not_after: UnixTime,
}

impl Anchor {
    fn read(kind: AuthorityKind, environment: Environment, der: Vec<u8>) -> Result<Self, AnchorError> {
        let certificate = UnverifiedCertificate::parse(&der)?;
        let key = certificate.public_key().map_err(|_| AnchorError::Key)?.clone();
        if certificate.subject() != certificate.issuer() || !certificate.is_signed_by(&key) {
            return Err(AnchorError::NotSelfSigned);
        }
        let extensions = &certificate.extensions;
        let key_id =
            certificate.subject_key_id().filter(|id| !id.is_empty()).ok_or(AnchorError::NotAnAuthority)?;
        if !extensions.is_ca
            || extensions.key_usage != Some(AUTHORITY_KEY_USAGE)
            || !extensions.unknown_critical.is_empty()
        {
            return Err(AnchorError::NotAnAuthority);
        }
        let name = certificate.subject();
        let unit = name.texts(oid::ORGANIZATIONAL_UNIT_NAME).first().copied();
        if name.organization() != Some(environment.organization()) || unit != Some(organizational_unit(kind))
        {
            return Err(AnchorError::Name);
        }
        Ok(Self {
            kind,
            fingerprint: sha256(&der),
            name: name.as_der().to_vec(),
            serial: certificate.serial().clone(),
            key_id: key_id.to_vec(),
            key_id_text: hex::encode(key_id),
            not_before: certificate.not_before(),
            not_after: certificate.not_after(),
            key,
            der,
        })
    }

    /// Which authority it is a generation of.
    #[must_use]
    pub fn kind(&self) -> AuthorityKind {
        self.kind
    }

    /// Its certificate.
    #[must_use]
    pub fn der(&self) -> &[u8] {
        &self.der
    }

    /// SHA-256 of its certificate.
    #[must_use]
    pub fn fingerprint(&self) -> &Sha256Digest {
        &self.fingerprint
    }

    /// DER of its name, the same for every generation.
    #[must_use]
    pub fn name(&self) -> &[u8] {
        &self.name
    }

    /// Its key.
    #[must_use]
    pub fn public_key(&self) -> &PublicKey {
        &self.key
    }

    /// Its subject key identifier, lower-case hex.
    #[must_use]
    pub fn key_id(&self) -> String {
        self.key_id_text.clone()
    }

    /// The first second of its validity.
    #[must_use]
    pub fn not_before(&self) -> UnixTime {
        self.not_before
    }

    /// The last second of its validity.
    #[must_use]
    pub fn not_after(&self) -> UnixTime {
        self.not_after
    }

    /// Whether the parts of an authority key identifier that are present name this generation.
    fn is_named_by(&self, id: Option<&AuthorityKeyIdentifier<'_>>) -> bool {
        let Some(id) = id else { return true };
        let key = id.key_id.is_none_or(|key_id| key_id == self.key_id);
        let certificate = id.certificate.as_ref();
        key && certificate.is_none_or(|(issuer, serial)| *issuer == self.name && *serial == self.serial)
    }
}

impl fmt::Debug for Anchor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Anchor")
            .field("kind", &self.kind)
            .field("key_id", &self.key_id())
            .finish_non_exhaustive()
    }
}

/// Who issued something.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Issuer<'a> {
    /// No anchor has the issuer's name.
    UnknownName,
    /// Anchors have the name, none the key.
    UnknownKey,
    /// The named generation did not sign it.
    BadSignature,
    /// This generation signed it.
    Found(&'a Anchor),
}

/// The authorities that are trusted, in one environment.
#[derive(Debug, Clone)]
pub struct TrustAnchors {
    environment: Environment,
    anchors: Vec<Anchor>,
}

impl TrustAnchors {
    /// The roots of the JPKI, embedded in the program and compared with their published fingerprints.
    ///
    /// # Errors
    /// [`AnchorError`] if the program was built from other bytes.
    pub fn production() -> Result<Self, AnchorError> {
        let mut anchors = Vec::with_capacity(PRODUCTION.len());
        for (kind, der, fingerprint) in PRODUCTION {
            if hex::encode(sha256(der)) != fingerprint {
                return Err(AnchorError::Fingerprint);
            }
            anchors.push(Anchor::read(kind, Environment::Production, der.to_vec())?);
        }
        Ok(Self { environment: Environment::Production, anchors })
    }

    /// Roots of a test hierarchy (`O=JPKI-TEST`): of test cards, or of the simulated nation. **Insecure**: a
    /// verdict under them says nothing about any real person. Only under them are test policies accepted.
    ///
    /// # Errors
    /// [`AnchorError`] if a certificate is no authority's, is a production root, or occurs twice.
    pub fn insecure_test_hierarchy(
        certificates: impl IntoIterator<Item = (AuthorityKind, Vec<u8>)>,
    ) -> Result<Self, AnchorError> {
        let mut anchors: Vec<Anchor> = Vec::new();
        for (kind, der) in certificates {
            let anchor = Anchor::read(kind, Environment::Test, der)?;
            if anchors.iter().any(|a| a.fingerprint == anchor.fingerprint || a.key_id == anchor.key_id) {
                return Err(AnchorError::Duplicate);
            }
            anchors.push(anchor);
        }
        if anchors.is_empty() {
            return Err(AnchorError::None);
        }
        Ok(Self { environment: Environment::Test, anchors })
    }

    /// Production or test.
    #[must_use]
    pub fn environment(&self) -> Environment {
        self.environment
    }

    /// Every generation of every authority.
    #[must_use]
    pub fn anchors(&self) -> &[Anchor] {
        &self.anchors
    }

    /// The generation with this key identifier (hex of either case).
    #[must_use]
    pub fn by_key_id(&self, kind: AuthorityKind, key_id: &str) -> Option<&Anchor> {
        self.anchors.iter().find(|a| a.kind == kind && a.key_id_text.eq_ignore_ascii_case(key_id))
    }

    /// The generation that issued something under `name`: of those with that name the ones that `id` names
    /// (all if there is none), and of those the one whose key verifies.
    pub(crate) fn issuer(
        &self,
        name: &[u8],
        id: Option<&AuthorityKeyIdentifier<'_>>,
        verifies: impl Fn(&PublicKey) -> bool,
    ) -> Issuer<'_> {
        let mut outcome = Issuer::UnknownName;
        for anchor in self.anchors.iter().filter(|anchor| anchor.name == name) {
            if !anchor.is_named_by(id) {
                if matches!(outcome, Issuer::UnknownName) {
                    outcome = Issuer::UnknownKey;
                }
            } else if verifies(&anchor.key) {
                return Issuer::Found(anchor);
            } else {
                outcome = Issuer::BadSignature;
            }
        }
        outcome
    }
}
