//! A certificate. Of one of the JPKI's for a resident, what says who that is, is told only on demand: the subject and
//! the distribution point (they name the municipality) and the subject's alternative name.

use const_oid::ObjectIdentifier;
use musubi_crypto::{DigestAlgorithm, KeyStrength, PublicKey, SignatureAlgorithm};

use super::report::{Field, Report, Value, field};
use super::{InspectError, Options, extensions, names};
use crate::asn1::{Elements, Malformed, constructed, whole};
use crate::certificate::UnusableKey;
use crate::key::AuthorityKind;
use crate::name::DistinguishedName;
use crate::oid;
use crate::path::PathCertificate;
use crate::profile::{Environment, organizational_unit};

pub(super) fn report(der: &[u8], options: Options) -> Result<Report, InspectError> {
    let certificate = PathCertificate::parse(der)?;
    let jpki = Jpki::of(&certificate);
    let withhold = matches!(jpki, Some(Jpki { is_resident: true, .. })) && !options.personal;
    let mut fields = Vec::new();
    fields.extend(jpki.map(|jpki| field("jpki", "JPKI (公的個人認証サービス)", jpki.value())));
    let subject = if withhold { Value::Withheld } else { names::name(certificate.subject) };
    fields.extend([
        field("subject", "Subject (主体者)", subject),
        field("issuer", "Issuer (発行者)", names::name(certificate.issuer)),
        field("serial_number", "Serial number (シリアル番号)", names::serial(certificate.serial)),
        field("not_before", "Valid from (有効期間の開始)", certificate.not_before),
        field("not_after", "Valid until (有効期間の終了)", certificate.not_after),
        field("public_key", "Public key (公開鍵)", public_key(&certificate.public_key)),
        field(
            "signature_algorithm",
            "Signature algorithm (署名アルゴリズム)",
            algorithm(certificate.signature_algorithm),
        ),
        field("version", "Version", u64::from(certificate.version)),
    ]);
    let told = whole(certificate.tbs, |tbs| {
        tbs.inside(der::Tag::Sequence, |parts| {
            let mut told = None;
            parts.each(|parts| {
                let part = parts.any()?;
                if part.tag == constructed(3) {
                    told = Some(whole(part.value, |list: &mut Elements<'_>| {
                        extensions::tell(list, |id, value| tell(&certificate, withhold, id, value))
                    })?);
                }
                Ok::<_, Malformed>(())
            })?;
            Ok::<_, Malformed>(told)
        })
    });
    let told = told.map_err(|Malformed| crate::ParseError::Malformed)?;
    fields.extend(told.map(|told| field("extensions", "Extensions (拡張領域)", told)));
    fields.push(fingerprints(der));
    if let Ok(key) = &certificate.public_key {
        let digest = DigestAlgorithm::Sha256.digest(&[key.spki_der()]);
        fields.push(field("public_key_sha256", "SHA-256 of the public key", hex::encode(digest)));
    }
    Ok(Report { kind: "certificate", title: "X.509 certificate (電子証明書)", fields })
}

fn tell(
    certificate: &PathCertificate<'_>,
    withhold: bool,
    id: ObjectIdentifier,
    value: &[u8],
) -> Result<Option<Value>, Malformed> {
    if withhold && [oid::SUBJECT_ALT_NAME, oid::CRL_DISTRIBUTION_POINTS].contains(&id) {
        return Ok(Some(Value::Withheld));
    }
    extensions::of_certificate(&certificate.extensions, id, value)
}

/// Fingerprints of the whole.
pub(super) fn fingerprints(der: &[u8]) -> Field {
    let told = [("sha256", "SHA-256", DigestAlgorithm::Sha256), ("sha1", "SHA-1", DigestAlgorithm::Sha1)]
        .map(|(key, label, algorithm)| field(key, label, hex::encode(algorithm.digest(&[der]))));
    field("fingerprints", "Fingerprints (フィンガープリント)", Value::Fields(told.into()))
}

pub(super) fn algorithm(algorithm: Result<SignatureAlgorithm, ObjectIdentifier>) -> String {
    algorithm.map_or_else(|id| format!("not supported: {id}"), |known| known.as_str().to_owned())
}

fn public_key(key: &Result<PublicKey, UnusableKey>) -> String {
    match key.as_ref().map(PublicKey::strength) {
        Ok(KeyStrength::Rsa { bits, exponent: Some(e) }) => format!("RSA, {bits} bits, e = {e}"),
        Ok(KeyStrength::Rsa { bits, exponent: None }) => format!("RSA, {bits} bits, e ≥ 2^64"),
        Ok(KeyStrength::EcP256) => "EC, P-256, 256 bits".to_owned(),
        Ok(KeyStrength::EcP384) => "EC, P-384, 384 bits".to_owned(),
        Ok(KeyStrength::Ed25519) => "Ed25519, 256 bits".to_owned(),
        Err(UnusableKey::Unsupported(id)) => format!("not supported: {id}"),
        Err(UnusableKey::RsaBits(bits)) => format!("RSA, {bits} bits, never accepted"),
    }
}

/// What a certificate says to be in the JPKI. Anybody can write that.
struct Jpki {
    kind: AuthorityKind,
    environment: Environment,
    is_resident: bool,
}

impl Jpki {
    fn of(certificate: &PathCertificate<'_>) -> Option<Self> {
        let policies = certificate.extensions.policies.as_deref().unwrap_or_default();
        let policy = oid::POLICIES.into_iter().find(|(id, _, _)| policies.contains(id));
        if let Some((_, kind, environment)) = policy {
            return Some(Self { kind, environment, is_resident: true });
        }
        let issuer = DistinguishedName::read(certificate.issuer);
        let environment = issuer.organization().and_then(Environment::from_organization)?;
        let units = issuer.texts(oid::ORGANIZATIONAL_UNIT_NAME);
        let kind = AuthorityKind::ALL.into_iter().find(|kind| units.contains(&organizational_unit(*kind)))?;
        let is_authority = certificate.extensions.basic_constraints.is_some_and(|c| c.is_ca);
        // Whatever else that authority issues may be a resident's.
        Some(Self { kind, environment, is_resident: !is_authority })
    }

    fn value(&self) -> Value {
        let kind = match self.kind {
            AuthorityKind::DigitalSignature => "署名用電子証明書",
            AuthorityKind::UserAuthentication => "利用者証明用電子証明書",
        };
        let environment = match self.environment {
            Environment::Production => "本番",
            Environment::Test => "テスト",
        };
        let (role, in_japanese) =
            if self.is_resident { ("resident", "利用者") } else { ("authority", "認証局") };
        Value::Fields(vec![
            field("kind", "Kind (種類)", Value::Term(self.kind.as_str(), kind)),
            field("environment", "Environment (環境)", Value::Term(self.environment.as_str(), environment)),
            field("role", "Role (役割)", Value::Term(role, in_japanese)),
        ])
    }
}
