//! Whose signature it is: the first certificate of `x5c` (RFC 7515 4.1.6), or one that came in `etsiU`; bound by the
//! protected digests `x5t`, `x5t#S256` (RFC 7515 4.1.7, 4.1.8), `x5t#o` and `sigX5ts` (TS 119 182-1 5.2.2), all of which
//! must be its. An unprotected `x5c` names the signer too, without being signed: the signature is then a plain one.

use std::borrow::Cow;

use musubi_crypto::{Digest, DigestAlgorithm, sha1_for_key_identifiers};
use musubi_pki::{MAX_CERTIFICATE_BYTES, ReasonCode, SubIndication};

use super::header::{Header, digest_algorithm};
use super::json::{Json, Object};
use super::{MALFORMED, base64, rule};
use crate::model::Rule;

/// The most certificates of one `x5c`, and references of one `sigX5ts`.
const MAX_CERTIFICATES: usize = 32;

/// What was found of the signer.
pub(super) struct Identified {
    /// DER.
    pub(super) certificate: Option<Vec<u8>>,
    /// The other certificates of `x5c`, DER.
    pub(super) others: Vec<Vec<u8>>,
    /// How many of `x5t#S256`, `x5t#o` and `sigX5ts` there are, and are protected.
    pub(super) references: usize,
}

pub(super) fn identify(
    header: &Header<'_>,
    came_along: &[Cow<'_, [u8]>],
    rules: &mut Vec<Rule>,
) -> Identified {
    let chain = match header.anywhere("x5c") {
        None => Vec::new(),
        Some(x5c) => {
            let chain = read_chain(x5c);
            let kept = chain.as_ref().map(|_| ()).map_err(|why| *why);
            rules.push(rule("jws.x5c", "RFC 7515 4.1.6", kept, MALFORMED));
            chain.unwrap_or_default()
        }
    };
    let references = References::read(&header.protected);
    let mut chain = chain.into_iter();
    let certificate = chain.next().or_else(|| {
        let references = references.as_ref().ok()?;
        came_along.iter().find(|der| references.bind() && references.fit(der)).map(|der| der.to_vec())
    });
    let kept = match (&references, &certificate) {
        (Err(why), _) => Err(*why),
        (Ok(references), Some(der)) if !references.fit(der) => Err("the certificate has another digest"),
        (Ok(_), _) => Ok(()),
    };
    let on_failure = (SubIndication::SigConstraintsFailure, ReasonCode::SignatureMalformed);
    rules.push(rule(
        "jws.signing_certificate",
        "RFC 7515 4.1.7, 4.1.8; ETSI TS 119 182-1 5.1.7, 5.2.2; EN 319 102-1 5.2.3",
        kept,
        on_failure,
    ));
    let references = references.map_or(0, |references| references.kinds);
    Identified { certificate, others: chain.collect(), references }
}

fn read_chain(x5c: &Json<'_>) -> Result<Vec<Vec<u8>>, &'static str> {
    let list = x5c.array().filter(|list| !list.is_empty()).ok_or("x5c is not an array of certificates")?;
    if list.len() > MAX_CERTIFICATES {
        return Err("x5c has too many certificates");
    }
    list.iter()
        .map(|one| {
            let text = one.text().filter(|t| t.len() <= MAX_CERTIFICATE_BYTES * 2);
            text.and_then(base64::from_standard).ok_or("a certificate of x5c is not base64")
        })
        .collect()
}

/// The protected digests of the signing certificate.
struct References {
    strong: Vec<Digest>,
    sha1: Option<Vec<u8>>,
    kinds: usize,
}

impl References {
    fn read(protected: &Object<'_>) -> Result<Self, &'static str> {
        let mut strong = Vec::new();
        if let Some(value) = protected.get("x5t#S256") {
            let bytes = value.text().and_then(base64::from_url);
            let digest = bytes.and_then(|bytes| Digest::new(DigestAlgorithm::Sha256, &bytes));
            strong.push(digest.ok_or("x5t#S256 is not the base64url of a SHA-256 digest")?);
        }
        if let Some(value) = protected.get("x5t#o") {
            strong.push(digest_of(value)?);
        }
        if let Some(value) = protected.get("sigX5ts") {
            let list = value.array().filter(|list| (1..=MAX_CERTIFICATES).contains(&list.len()));
            let list = list.ok_or("sigX5ts is not an array of references")?;
            // All must be well-formed; the first is the signing certificate's.
            let list = list.iter().map(digest_of).collect::<Result<Vec<_>, _>>()?;
            strong.extend(list.first());
        }
        let sha1 = match protected.get("x5t") {
            None => None,
            Some(value) => {
                let bytes = value.text().and_then(base64::from_url).filter(|bytes| bytes.len() == 20);
                Some(bytes.ok_or("x5t is not the base64url of a SHA-1 digest")?)
            }
        };
        let kinds = strong.len();
        Ok(Self { strong, sha1, kinds })
    }

    /// Whether a certificate can be chosen by them.
    fn bind(&self) -> bool {
        !self.strong.is_empty()
    }

    /// Whether all of them are this certificate's.
    fn fit(&self, der: &[u8]) -> bool {
        self.strong.iter().all(|digest| digest.algorithm().digest(&[der]) == *digest)
            && self.sha1.as_ref().is_none_or(|digest| sha1_for_key_identifiers(der) == digest.as_slice())
    }
}

/// `digAlg` and `digVal`.
fn digest_of(value: &Json<'_>) -> Result<Digest, &'static str> {
    let object = value.object().ok_or("a certificate reference is not an object")?;
    let algorithm =
        digest_algorithm(object.text("digAlg")).ok_or("a certificate reference has an unknown digest")?;
    let bytes = object.text("digVal").and_then(base64::from_url);
    bytes.and_then(|bytes| Digest::new(algorithm, &bytes)).ok_or("a certificate reference is not a digest")
}
