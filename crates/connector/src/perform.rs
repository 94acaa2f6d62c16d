//! What the card does for a request: one function over a [`Card`], the same for a card of plastic behind PC/SC and for a
//! virtual one.
//!
//! Nothing costs a try before everything that can be known without one is known: the texts' form, the PINs' form, whether
//! the certificate and the application are there.

use musubi_card::client::{Attributes, Card, CardError, LastTry};
use musubi_card::records::public_key::KeyRecord;
use musubi_card::transport::Transport;
use musubi_card::{CertificateKind, PinReference};
use musubi_crypto::sha256;
use musubi_httpkit::Problem;
use musubi_httpkit::problems::REQUEST_MALFORMED;
use musubi_kernel::Secret;

use crate::request::{Asked, Operation, Origin, Statement};

/// The secrets that came with a request.
pub(crate) struct Secrets {
    /// The PIN of the operation: 利用者証明用, 署名用 or, to read attributes, 券面事項入力補助用.
    pub(crate) pin: Option<Secret<String>>,
    /// The PIN of 券面事項入力補助AP, for enrolment.
    pub(crate) text_pin: Option<Secret<String>>,
}

/// A request with the secrets that it takes, each of which has its form. Only [`Job::of`] makes it.
pub(crate) struct Job {
    origin: Origin,
    work: Work,
}

enum Work {
    Authenticate { statement: Statement, pin: Secret<String> },
    Enrol { statement: Statement, pin: Secret<String>, text_pin: Secret<String> },
    SignDocument { document: Vec<u8>, pin: Secret<String> },
    ReadAttributes { pin: Secret<String> },
    ProvePresence { statement: Statement },
}

/// What the card answered.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum CardAnswer {
    /// A signature, with the certificate of the key, or for presence of the card.
    Signed {
        /// DER.
        certificate: Vec<u8>,
        /// RSASSA-PKCS1-v1_5 with SHA-256, 256 bytes.
        signature: Vec<u8>,
        /// What enrols the card for presence, if that was asked.
        presence: Option<Enrolment>,
    },
    /// The four attributes.
    Attributes(Attributes),
}

/// What enrols a card for presence without PIN.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Enrolment {
    /// EF 0007 of 券面事項入力補助AP.
    pub(crate) key_record: Vec<u8>,
    /// EF 0004.
    pub(crate) card_certificate: Vec<u8>,
    /// By the free key, over the text that the authentication key signed.
    pub(crate) signature: Vec<u8>,
}

impl Job {
    /// Puts a request and its secrets together.
    ///
    /// # Errors
    /// `request.malformed` if a secret is missing, is not asked for, or does not have its form: the card would not take
    /// it for such a PIN, and it costs no try.
    pub(crate) fn of(asked: Asked, secrets: Secrets) -> Result<Self, Problem> {
        let Secrets { pin, text_pin } = secrets;
        let origin = asked.origin().clone();
        let work = match (asked.into_operation(), text_pin) {
            (Operation::Authenticate { statement, enrol: true }, Some(text_pin)) => Work::Enrol {
                statement,
                pin: formed(pin, PinReference::Authentication)?,
                text_pin: formed(Some(text_pin), PinReference::TextAttributes)?,
            },
            (Operation::Authenticate { statement, enrol: false }, None) => {
                Work::Authenticate { statement, pin: formed(pin, PinReference::Authentication)? }
            }
            (Operation::SignDocument(document), None) => {
                Work::SignDocument { document, pin: formed(pin, PinReference::Signature)? }
            }
            (Operation::ReadAttributes, None) => {
                Work::ReadAttributes { pin: formed(pin, PinReference::TextAttributes)? }
            }
            (Operation::ProvePresence(statement), None) if pin.is_none() => Work::ProvePresence { statement },
            _ => return Err(Problem::new(&REQUEST_MALFORMED)),
        };
        Ok(Self { origin, work })
    }
}

fn formed(pin: Option<Secret<String>>, reference: PinReference) -> Result<Secret<String>, Problem> {
    pin.filter(|pin| reference.has_form(pin.expose())).ok_or_else(|| Problem::new(&REQUEST_MALFORMED))
}

/// Does what is asked.
///
/// # Errors
/// [`CardError`]; with [`LastTry::Keep`] no last try is spent.
pub(crate) fn perform<T: Transport>(
    card: &mut Card<T>,
    job: &Job,
    last_try: LastTry,
) -> Result<CardAnswer, CardError> {
    match &job.work {
        Work::Authenticate { statement, pin } => {
            let text = statement.authentication_text(&job.origin);
            let (certificate, signature) = authenticate(card, &text, pin, last_try)?;
            Ok(CardAnswer::Signed { certificate, signature, presence: None })
        }
        Work::Enrol { statement, pin, text_pin } => {
            check_authentication(card)?;
            let key = card.presence_key(text_pin, last_try)?;
            let spki = free_key_spki(&key.record)?;
            let text = statement.enrolment_text(&job.origin, &spki);
            let (certificate, signature) = authenticate(card, &text, pin, last_try)?;
            let enrolment = Enrolment {
                signature: card.prove_presence(&sha256(text.as_bytes()))?,
                key_record: key.record,
                card_certificate: key.card_certificate,
            };
            Ok(CardAnswer::Signed { certificate, signature, presence: Some(enrolment) })
        }
        Work::SignDocument { document, pin } => {
            let kind = CertificateKind::DigitalSignature;
            if !card.overview()?.has_signature {
                return Err(CardError::CertificateAbsent(kind));
            }
            card.verify(kind.pin(), pin, last_try)?;
            let certificate = card.signature_certificate()?;
            let signature = card.sign(kind, &sha256(document))?;
            Ok(CardAnswer::Signed { certificate, signature, presence: None })
        }
        Work::ReadAttributes { pin } => Ok(CardAnswer::Attributes(card.read_attributes(pin, last_try)?)),
        Work::ProvePresence { statement } => {
            // A phone, which has no free key, would ask for a PIN before it shows its certificate.
            card.tries_left(PinReference::TextAttributes)?;
            check_authentication(card)?;
            let certificate = card.authentication_certificate()?;
            let text = statement.presence_text(&job.origin, &certificate);
            let signature = card.prove_presence(&sha256(text.as_bytes()))?;
            Ok(CardAnswer::Signed { certificate, signature, presence: None })
        }
    }
}

/// The public half of the free key as its record has it. Who vouches for it, looks whoever accepts the enrolment.
fn free_key_spki(record: &[u8]) -> Result<Vec<u8>, CardError> {
    let key = KeyRecord::parse(record).and_then(|record| record.key.verifier());
    key.map(|key| key.spki_der().to_vec()).map_err(|_| CardError::Malformed("key record"))
}

fn check_authentication<T: Transport>(card: &mut Card<T>) -> Result<(), CardError> {
    if card.overview()?.has_authentication {
        Ok(())
    } else {
        Err(CardError::CertificateAbsent(CertificateKind::UserAuthentication))
    }
}

/// The certificate and the signature over the text. A phone shows its certificate only after the PIN.
fn authenticate<T: Transport>(
    card: &mut Card<T>,
    text: &str,
    pin: &Secret<String>,
    last_try: LastTry,
) -> Result<(Vec<u8>, Vec<u8>), CardError> {
    check_authentication(card)?;
    let kind = CertificateKind::UserAuthentication;
    card.verify(kind.pin(), pin, last_try)?;
    let certificate = card.authentication_certificate()?;
    let signature = card.sign(kind, &sha256(text.as_bytes()))?;
    Ok((certificate, signature))
}
