//! The JPKI's certificate profile: which kind of certificate, of which environment, for whom. Reconstructed
//! from real certificates, since the profile specification (公的個人認証サービス プロファイル仕様書) is not
//! at hand; smartphone certificates are not known and are refused.

use const_oid::ObjectIdentifier;
use der::Tag;

use crate::asn1::{self, Elements, Malformed, constructed, whole};
use crate::attributes::{BasicAttributes, DateOfBirth, Sex};
use crate::certificate::UnverifiedCertificate;
use crate::key::AuthorityKind;
use crate::oid;

/// Real certificates, or those of test cards and of the simulated nation. The two never mix.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, serde::Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Environment {
    /// `O=JPKI`: certificates of real people.
    Production,
    /// `O=JPKI-TEST`: proves nothing about anyone.
    Test,
}

impl Environment {
    /// `production` or `test`.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Production => "production",
            Self::Test => "test",
        }
    }

    /// The organization in the authorities' names.
    pub(crate) fn organization(self) -> &'static str {
        match self {
            Self::Production => "JPKI",
            Self::Test => "JPKI-TEST",
        }
    }

    pub(crate) fn from_organization(organization: &str) -> Option<Self> {
        [Self::Production, Self::Test].into_iter().find(|e| e.organization() == organization)
    }
}

/// The first organizational unit in the authority's name.
pub(crate) fn organizational_unit(kind: AuthorityKind) -> &'static str {
    match kind {
        AuthorityKind::DigitalSignature => "JPKI for digital signature",
        AuthorityKind::UserAuthentication => "JPKI for user authentication",
    }
}

/// The one policy of a certificate of this kind and environment.
#[must_use]
pub fn policy_oid(kind: AuthorityKind, environment: Environment) -> ObjectIdentifier {
    match (kind, environment) {
        (AuthorityKind::DigitalSignature, Environment::Production) => oid::POLICY_DIGITAL_SIGNATURE,
        (AuthorityKind::UserAuthentication, Environment::Production) => oid::POLICY_USER_AUTHENTICATION,
        (AuthorityKind::DigitalSignature, Environment::Test) => oid::POLICY_TEST_DIGITAL_SIGNATURE,
        (AuthorityKind::UserAuthentication, Environment::Test) => oid::POLICY_TEST_USER_AUTHENTICATION,
    }
}

/// The content octets of `keyUsage`: digitalSignature and nonRepudiation to sign with, digitalSignature alone
/// to authenticate with.
pub(crate) fn key_usage(kind: AuthorityKind) -> &'static [u8] {
    match kind {
        AuthorityKind::DigitalSignature => &[0x06, 0xC0],
        AuthorityKind::UserAuthentication => &[0x07, 0x80],
    }
}

/// Where a certificate departs from the profile.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum ProfileError {
    /// `subjectAltName` is absent or is not well-formed.
    #[error("subjectAltName is absent or malformed")]
    SubjectAltName,
    /// A personal datum occurs twice.
    #[error("the personal datum {oid} occurs twice")]
    Duplicate {
        /// Which.
        oid: ObjectIdentifier,
    },
    /// A personal datum is missing.
    #[error("the personal datum {oid} is missing")]
    Missing {
        /// Which.
        oid: ObjectIdentifier,
    },
    /// A personal datum is not written as the profile says.
    #[error("the personal datum {oid} is malformed")]
    Datum {
        /// Which.
        oid: ObjectIdentifier,
    },
    /// No distribution point with one directory name.
    #[error("the CRL distribution point is not one directory name")]
    DistributionPoint,
    /// No subject key identifier, or an empty one.
    #[error("the subject key identifier is absent")]
    SubjectKeyIdentifier,
    /// An authority key identifier without its three parts.
    #[error("the authority key identifier is incomplete")]
    AuthorityKeyIdentifier,
}

impl ProfileError {
    /// The name under which it stands in the evidence of a check.
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Self::SubjectAltName => "subject_alt_name",
            Self::Duplicate { .. } => "personal_datum_twice",
            Self::Missing { .. } => "personal_datum_missing",
            Self::Datum { .. } => "personal_datum_malformed",
            Self::DistributionPoint => "crl_distribution_point",
            Self::SubjectKeyIdentifier => "subject_key_identifier",
            Self::AuthorityKeyIdentifier => "authority_key_identifier",
        }
    }
}

/// The personal data in the order of their identifiers, .1 to .6.
const PERSONAL_DATA: [ObjectIdentifier; 6] = [
    oid::PERSONAL_NAME,
    oid::PERSONAL_NAME_SUBSTITUTES,
    oid::PERSONAL_SEX,
    oid::PERSONAL_DATE_OF_BIRTH,
    oid::PERSONAL_ADDRESS,
    oid::PERSONAL_ADDRESS_SUBSTITUTES,
];

impl<'a> UnverifiedCertificate<'a> {
    /// Kind and environment by the certificate's policy; `None` unless it has exactly one, known policy.
    #[must_use]
    pub fn claimed_profile(&self) -> Option<(AuthorityKind, Environment)> {
        match self.extensions.policies.as_deref() {
            Some([one]) => {
                oid::POLICIES.into_iter().find(|(id, ..)| id == one).map(|(_, kind, env)| (kind, env))
            }
            _ => None,
        }
    }

    /// The environment by the issuer's organization.
    pub(crate) fn claimed_environment(&self) -> Option<Environment> {
        self.issuer().organization().and_then(Environment::from_organization)
    }

    /// The basic attributes of a digital-signature certificate; not verified, as everything here.
    ///
    /// # Errors
    /// [`ProfileError`]. Unknown further names are tolerated (furigana is being added), known ones must
    /// occur exactly once.
    pub fn claimed_attributes(&self) -> Result<BasicAttributes, ProfileError> {
        let names = self.extensions.subject_alt_name.ok_or(ProfileError::SubjectAltName)?;
        let found = whole(names, |outer| outer.inside(Tag::Sequence, personal_data))?;
        let [name, name_mask, sex, birth, address, address_mask] = found;
        let text = |index: usize, value: Option<&'a str>| {
            let oid = PERSONAL_DATA.get(index).copied().unwrap_or(oid::PERSONAL_NAME);
            value.ok_or(ProfileError::Missing { oid })
        };
        let datum = |oid| move |_| ProfileError::Datum { oid };
        let (name, name_mask) = (text(0, name)?, text(1, name_mask)?);
        let (sex, birth) = (text(2, sex)?, text(3, birth)?);
        let (address, address_mask) = (text(4, address)?, text(5, address_mask)?);
        for (value, oid) in [(name, oid::PERSONAL_NAME), (address, oid::PERSONAL_ADDRESS)] {
            if value.is_empty() || value.chars().any(char::is_control) {
                return Err(ProfileError::Datum { oid });
            }
        }
        Ok(BasicAttributes {
            name_substitutes: mask(name_mask, name)
                .ok_or(ProfileError::Datum { oid: oid::PERSONAL_NAME_SUBSTITUTES })?,
            address_substitutes: mask(address_mask, address)
                .ok_or(ProfileError::Datum { oid: oid::PERSONAL_ADDRESS_SUBSTITUTES })?,
            date_of_birth: DateOfBirth::from_certificate(birth)
                .map_err(datum(oid::PERSONAL_DATE_OF_BIRTH))?,
            sex: Sex::from_certificate(sex).map_err(datum(oid::PERSONAL_SEX))?,
            name: name.to_owned(),
            address: address.to_owned(),
        })
    }

    /// What every certificate of the profile has beside its kind's own extensions.
    pub(crate) fn check_profile(&self) -> Result<(), ProfileError> {
        if self.crl_distribution_point().is_none() {
            return Err(ProfileError::DistributionPoint);
        }
        if self.subject_key_id().is_none_or(<[u8]>::is_empty) {
            return Err(ProfileError::SubjectKeyIdentifier);
        }
        match self.authority_key_id() {
            Some(id) if id.key_id.is_none() || id.certificate.is_none() => {
                Err(ProfileError::AuthorityKeyIdentifier)
            }
            // Without one the issuer is found by its signature.
            _ => Ok(()),
        }
    }
}

fn personal_data<'a>(names: &mut Elements<'a>) -> Result<[Option<&'a str>; 6], ProfileError> {
    let mut found = [None; 6];
    names.each(|names| {
        let name = names.any()?;
        if name.tag != constructed(0) {
            return Ok(());
        }
        whole(name.value, |other| {
            let id = other.oid()?;
            let value = other.element(constructed(0))?.value;
            let slots = PERSONAL_DATA.iter().zip(found.iter_mut());
            let Some((_, slot)) = slots.into_iter().find(|(oid, _)| **oid == id) else {
                return Ok(());
            };
            if slot.is_some() {
                return Err(ProfileError::Duplicate { oid: id });
            }
            let text = whole(value, |v| asn1::text(v.element(Tag::Utf8String)?));
            *slot = Some(text.map_err(|Malformed| ProfileError::Datum { oid: id })?);
            Ok(())
        })
    })?;
    Ok(found)
}

impl From<Malformed> for ProfileError {
    fn from(_: Malformed) -> Self {
        Self::SubjectAltName
    }
}

/// One `0` or `1` per character of `text`.
fn mask(digits: &str, text: &str) -> Option<Vec<bool>> {
    let bits: Option<Vec<bool>> = digits
        .bytes()
        .map(|digit| match digit {
            b'0' => Some(false),
            b'1' => Some(true),
            _ => None,
        })
        .collect();
    bits.filter(|bits| bits.len() == text.chars().count())
}
