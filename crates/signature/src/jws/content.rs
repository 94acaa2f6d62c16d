//! The content of a JWS: the payload in the file, or beside it (RFC 7515 appendix F), and the references of JAdES to
//! content beside it (`sigD`, TS 119 182-1 5.2.8), of which one object is judged.

use std::borrow::Cow;
use std::cell::OnceCell;

use musubi_crypto::{Digest, DigestAlgorithm, Hasher};
use musubi_pki::{ReasonCode, SubIndication};

use super::header::{Header, digest_algorithm};
use super::json::Object;
use super::{MALFORMED, Work, base64, rule};
use crate::model::{NotASignature, Rule};

/// What a signature is about.
pub(super) enum Content<'a> {
    /// The payload as it stands in the file: base64url, or text if `b64` is false.
    Attached(Cow<'a, str>),
    /// The content beside the file is the payload.
    Detached(&'a [u8]),
    /// The payload is empty; `sigD` has the digest of the content beside the file.
    ByDigest(&'a [u8], DigestAlgorithm),
    /// It cannot be told; a rule says why.
    Unknown,
}

const TAMPERED: (SubIndication, ReasonCode) = (SubIndication::HashFailure, ReasonCode::SignatureTampered);

impl<'a> Content<'a> {
    pub(super) fn of(
        payload: &Payload<'_, 'a>,
        header: &Header<'_>,
        work: &mut Work,
        rules: &mut Vec<Rule>,
    ) -> Result<Self, NotASignature> {
        if let Some(sig_d) = header.protected.get("sigD") {
            return Self::by_reference(sig_d.object(), payload, header.b64(), work, rules);
        }
        let detached = payload.detached;
        let Some(text) = payload.attached else {
            return detached.map(Self::Detached).ok_or(NotASignature::ContentMissing);
        };
        let (well_formed, equal) = payload.compare(header.b64());
        let kept = if well_formed { Ok(()) } else { Err("the payload is not base64url") };
        rules.push(rule("jws.payload", "RFC 7515 5.2", kept, MALFORMED));
        if detached.is_some() {
            let kept =
                if equal { Ok(()) } else { Err("the payload is not the content that was given beside it") };
            rules.push(rule("jws.detached_content", "RFC 7515 appendix F", kept, TAMPERED));
        }
        if let Cow::Owned(text) = text {
            work.copy(text.len())?;
        }
        Ok(Self::Attached(text.clone()))
    }

    /// `sigD` with one object.
    fn by_reference(
        sig_d: Option<&Object<'_>>,
        payload: &Payload<'_, 'a>,
        b64: bool,
        work: &mut Work,
        rules: &mut Vec<Rule>,
    ) -> Result<Self, NotASignature> {
        let mechanism = mechanism(sig_d, payload.attached.is_some());
        rules.push(rule("jades.sig_d", "ETSI TS 119 182-1 5.2.8", mechanism.map(|_| ()), MALFORMED));
        let Ok(mechanism) = mechanism else { return Ok(Self::Unknown) };
        let content = payload.detached.ok_or(NotASignature::ContentMissing)?;
        let Mechanism::Digest(digest) = mechanism else { return Ok(Self::Detached(content)) };
        let part = Part::content(content, b64);
        work.hash(part.len())?;
        let actual = Part::digest(&[part], digest.algorithm());
        let kept = if actual == digest { Ok(()) } else { Err("the content has another digest") };
        rules.push(rule("jades.sig_d_digest", "ETSI TS 119 182-1 5.2.8.3.3", kept, TAMPERED));
        Ok(Self::ByDigest(content, digest.algorithm()))
    }

    /// The digest algorithm that protects the content, beside that of the signature.
    pub(super) fn digest_algorithm(&self) -> Option<DigestAlgorithm> {
        if let Self::ByDigest(_, algorithm) = self { Some(*algorithm) } else { None }
    }

    /// The JWS Signing Input (RFC 7515 5.1, RFC 7797 3).
    pub(super) fn signing_input<'p>(&'p self, protected: &'p str, b64: bool) -> [Part<'p>; 3] {
        let payload = match self {
            Self::Attached(text) => Part::AsItIs(text.as_bytes()),
            Self::Detached(content) => Part::content(content, b64),
            Self::ByDigest(..) | Self::Unknown => Part::AsItIs(&[]),
        };
        [Part::AsItIs(protected.as_bytes()), Part::AsItIs(b"."), payload]
    }

    /// What time-stamps cover of it (TS 119 182-1 5.2.6, 5.3.6): the payload or the referenced content, encoded unless
    /// `b64` is false. With it, the bytes that must be copied for that.
    pub(super) fn timestamped(&self, b64: bool) -> Option<(Timestamped<'_, 'a>, usize)> {
        match self {
            Self::Attached(text) => {
                let copied = if matches!(text, Cow::Owned(_)) { text.len() } else { 0 };
                Some((Timestamped::Text(text), copied))
            }
            Self::Detached(content) | Self::ByDigest(content, _) if b64 => {
                Some((Timestamped::Encoded(content), Part::Encoded(content).len()))
            }
            Self::Detached(content) | Self::ByDigest(content, _) => Some((Timestamped::Content(content), 0)),
            Self::Unknown => None,
        }
    }
}

/// Content as a time-stamp covers it.
#[derive(Clone, Copy)]
pub(super) enum Timestamped<'c, 'a> {
    Text(&'c Cow<'a, str>),
    Encoded(&'a [u8]),
    Content(&'a [u8]),
}

impl<'a> Timestamped<'_, 'a> {
    pub(super) fn bytes(self) -> Cow<'a, [u8]> {
        match self {
            Self::Text(Cow::Borrowed(text)) => Cow::Borrowed(text.as_bytes()),
            Self::Text(Cow::Owned(text)) => Cow::Owned(text.clone().into_bytes()),
            Self::Encoded(content) => Cow::Owned(Part::join(&[Part::Encoded(content)])),
            Self::Content(content) => Cow::Borrowed(content),
        }
    }
}

/// The payload of a file and the content beside it. They are compared once, however many signatures there are.
pub(super) struct Payload<'p, 'a> {
    attached: Option<&'p Cow<'a, str>>,
    detached: Option<&'a [u8]>,
    encoded: OnceCell<(bool, bool)>,
}

impl<'p, 'a> Payload<'p, 'a> {
    pub(super) fn new(attached: Option<&'p Cow<'a, str>>, detached: Option<&'a [u8]>) -> Self {
        Self { attached, detached, encoded: OnceCell::new() }
    }

    /// Whether the payload is well-formed, and whether it is the content beside it.
    fn compare(&self, b64: bool) -> (bool, bool) {
        let attached = self.attached.map(|text| text.as_bytes()).unwrap_or_default();
        if !b64 {
            return (true, self.detached == Some(attached));
        }
        *self.encoded.get_or_init(|| {
            let mut rest = self.detached.unwrap_or_default();
            let mut equal = true;
            let well_formed = base64::pieces_from_url(attached, |piece| match rest.strip_prefix(piece) {
                Some(more) => rest = more,
                None => equal = false,
            });
            (well_formed, well_formed && equal && rest.is_empty())
        })
    }
}

#[derive(Clone, Copy)]
enum Mechanism {
    /// `ObjectIdByURI`: the object is the payload.
    Object,
    /// `ObjectIdByURIHash`: `sigD` has its digest.
    Digest(Digest),
}

fn mechanism(sig_d: Option<&Object<'_>>, has_payload: bool) -> Result<Mechanism, &'static str> {
    let sig_d = sig_d.ok_or("sigD is not an object")?;
    if has_payload {
        return Err("sigD beside a payload");
    }
    let by_digest = match sig_d.text("mId") {
        Some("http://uri.etsi.org/19182/ObjectIdByURI") => false,
        Some("http://uri.etsi.org/19182/ObjectIdByURIHash") => true,
        Some("http://uri.etsi.org/19182/HttpHeaders") => return Err("HTTP headers are not judged"),
        _ => return Err("an unknown mechanism"),
    };
    let one = |name| match sig_d.get(name).and_then(|v| v.array()) {
        Some([one]) => Ok(one.text()),
        _ => Err("not exactly one object"),
    };
    one("pars")?.ok_or("the object's name is not a text")?;
    if !by_digest {
        return Ok(Mechanism::Object);
    }
    let algorithm = digest_algorithm(sig_d.text("hashM")).ok_or("the digest algorithm is not accepted")?;
    let value = one("hashV")?.and_then(base64::from_url).ok_or("the digest is not base64url")?;
    Digest::new(algorithm, &value).map(Mechanism::Digest).ok_or("the digest has the wrong length")
}

/// A part of what is hashed.
#[derive(Clone, Copy)]
pub(super) enum Part<'p> {
    AsItIs(&'p [u8]),
    /// Its base64url.
    Encoded(&'p [u8]),
}

impl<'p> Part<'p> {
    fn content(content: &'p [u8], b64: bool) -> Self {
        if b64 { Self::Encoded(content) } else { Self::AsItIs(content) }
    }

    fn len(&self) -> usize {
        match self {
            Self::AsItIs(bytes) => bytes.len(),
            Self::Encoded(bytes) => bytes.len().saturating_mul(4).div_ceil(3),
        }
    }

    fn visit(&self, mut visit: impl FnMut(&[u8])) {
        match self {
            Self::AsItIs(bytes) => visit(bytes),
            Self::Encoded(bytes) => base64::pieces_to_url(bytes, visit),
        }
    }

    pub(super) fn length(parts: &[Self]) -> usize {
        parts.iter().map(Self::len).fold(0, usize::saturating_add)
    }

    pub(super) fn join(parts: &[Self]) -> Vec<u8> {
        let mut joined = Vec::with_capacity(Self::length(parts));
        parts.iter().for_each(|part| part.visit(|bytes| joined.extend_from_slice(bytes)));
        joined
    }

    pub(super) fn digest(parts: &[Self], algorithm: DigestAlgorithm) -> Digest {
        let mut hasher = Hasher::new(algorithm);
        parts.iter().for_each(|part| part.visit(|bytes| hasher.update(bytes)));
        hasher.finish()
    }
}
