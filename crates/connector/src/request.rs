//! The card request (docs/spec/card-request.md): what a page may ask of the card window, and the exact text that
//! the card then signs. Everything here is checked again on the server, whatever the window's script has checked.
//!
//! Reads no clock and speaks to no card.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use musubi_crypto::sha256;
use musubi_httpkit::Problem;
use musubi_httpkit::problems::REQUEST_MALFORMED;
use musubi_kernel::deceives;
use serde::{Deserialize, Deserializer};

use crate::problems::ORIGIN_MISMATCH;

/// Longest document that the window shows and signs, in bytes of UTF-8.
pub(crate) const DOCUMENT_LIMIT: usize = 32 * 1024;

/// The origin of the calling page, as the browser reports it in `event.origin`: `scheme://host[:port]`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Origin(String);

impl Origin {
    /// The origin's text.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Reads the serialization of a tuple origin (HTML Standard, 7.1.1) of an http or https page: lower case,
    /// without user, path or default port. `null`, an opaque origin, is refused.
    pub fn parse(text: &str) -> Option<Self> {
        let (scheme, authority) = text.split_once("://")?;
        let default_port = match scheme {
            "http" => "80",
            "https" => "443",
            _ => return None,
        };
        let (host, port) = if let Some(rest) = authority.strip_prefix('[') {
            let (address, port) = rest.split_once(']')?;
            let hex_or_colon = |b: u8| b.is_ascii_digit() || (b'a'..=b'f').contains(&b) || b == b':';
            if address.is_empty() || address.len() > 39 || !address.bytes().all(hex_or_colon) {
                return None;
            }
            let port = if port.is_empty() { None } else { Some(port.strip_prefix(':')?) };
            (address, port)
        } else {
            let (host, port) = match authority.split_once(':') {
                Some((host, port)) => (host, Some(port)),
                None => (authority, None),
            };
            let known = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b"-._".contains(&b);
            if host.is_empty() || host.len() > 253 || !host.bytes().all(known) {
                return None;
            }
            (host, port)
        };
        let port_fits = port.is_none_or(|port| {
            port != default_port
                && !port.starts_with('0')
                && port.bytes().all(|b| b.is_ascii_digit())
                && port.parse::<u16>().is_ok()
        });
        (!host.is_empty() && port_fits).then(|| Self(text.to_owned()))
    }
}

impl<'de> Deserialize<'de> for Origin {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        Self::parse(&text).ok_or_else(|| serde::de::Error::custom("not an origin"))
    }
}

/// Who asks, as the page claims. The card window shows it beside the origin, which is the only thing it knows.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct RelyingPartyClaim {
    id: String,
    name: ClaimedName,
}

#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
struct ClaimedName {
    ja: String,
    en: String,
}

/// A card request of version 1, in its JSON form. Unknown members are refused.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(tag = "operation", rename_all = "snake_case", deny_unknown_fields)]
pub(crate) enum CardRequest {
    /// Sign in: the user-authentication key signs a text made from the origin and the nonce.
    Authenticate {
        version: Version,
        nonce: String,
        purpose: String,
        relying_party: RelyingPartyClaim,
        #[serde(default)]
        enrol_presence: bool,
    },
    /// Sign a document with the digital-signature key.
    SignDocument { version: Version, document: String, origin: String, relying_party: RelyingPartyClaim },
    /// Read the four attributes from the card; nothing is signed.
    ReadAttributes { version: Version, relying_party: RelyingPartyClaim },
    /// Show that the card is there, without PIN: its free key signs a text that names its certificate.
    ProvePresence { version: Version, nonce: String, purpose: String, relying_party: RelyingPartyClaim },
}

/// Version 1 of the protocol; no other is read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Version;

impl<'de> Deserialize<'de> for Version {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        match u64::deserialize(deserializer)? {
            1 => Ok(Self),
            _ => Err(serde::de::Error::custom("unknown version")),
        }
    }
}

/// A request whose every value has its form, asked by the page at an origin. Only [`CardRequest::asked_by`] makes it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Asked {
    origin: Origin,
    operation: Operation,
}

/// What is asked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Operation {
    /// Signing in, with enrolment for presence or without.
    Authenticate { statement: Statement, enrol: bool },
    /// Signing these bytes.
    SignDocument(Vec<u8>),
    /// Reading the four attributes.
    ReadAttributes,
    /// Presence without PIN.
    ProvePresence(Statement),
}

/// The values that the signed texts state. None has a line break, so that none can pretend to be another line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Statement {
    relying_party: String,
    purpose: String,
    nonce: String,
}

impl CardRequest {
    /// Checks the form of every value, and that a document was made for the site that asks.
    ///
    /// # Errors
    /// `request.malformed` for a value of the wrong form, `card.origin_mismatch` for a document that was made
    /// for another site.
    pub(crate) fn asked_by(self, origin: Origin) -> Result<Asked, Problem> {
        let (Self::Authenticate { relying_party, .. }
        | Self::SignDocument { relying_party, .. }
        | Self::ReadAttributes { relying_party, .. }
        | Self::ProvePresence { relying_party, .. }) = &self;
        if !relying_party.is_well_formed() {
            return Err(Problem::new(&REQUEST_MALFORMED));
        }
        let operation = match self {
            Self::Authenticate { nonce, purpose, relying_party, enrol_presence, .. } => {
                let statement = Statement::of(relying_party, purpose, nonce)?;
                Operation::Authenticate { statement, enrol: enrol_presence }
            }
            Self::SignDocument { document, origin: stated, .. } => {
                Operation::SignDocument(check_document(document, &stated, &origin)?)
            }
            Self::ReadAttributes { .. } => Operation::ReadAttributes,
            Self::ProvePresence { nonce, purpose, relying_party, .. } => {
                Operation::ProvePresence(Statement::of(relying_party, purpose, nonce)?)
            }
        };
        Ok(Asked { origin, operation })
    }
}

impl Asked {
    /// The page that asks.
    pub(crate) fn origin(&self) -> &Origin {
        &self.origin
    }

    /// What it asks.
    pub(crate) fn into_operation(self) -> Operation {
        self.operation
    }

    /// Whether the card answers with the authentication certificate, which anybody may read.
    pub(crate) fn shows_authentication_certificate(&self) -> bool {
        matches!(self.operation, Operation::Authenticate { .. } | Operation::ProvePresence(_))
    }

    /// Whether 券面事項入力補助AP has a part in it: a phone has no such application.
    pub(crate) fn needs_text_attributes(&self) -> bool {
        match &self.operation {
            Operation::Authenticate { enrol, .. } => *enrol,
            Operation::SignDocument(_) => false,
            Operation::ReadAttributes | Operation::ProvePresence(_) => true,
        }
    }
}

impl Statement {
    fn of(relying_party: RelyingPartyClaim, purpose: String, nonce: String) -> Result<Self, Problem> {
        if !is_nonce(&nonce) || !is_purpose(&purpose) {
            return Err(Problem::new(&REQUEST_MALFORMED));
        }
        Ok(Self { relying_party: relying_party.id, purpose, nonce })
    }

    /// The text that stands for a sign-in.
    pub(crate) fn authentication_text(&self, origin: &Origin) -> String {
        self.text("Musubi user authentication 1", origin)
    }

    /// The same with enrolment: its last line names the card's free key by its `SubjectPublicKeyInfo`.
    pub(crate) fn enrolment_text(&self, origin: &Origin, free_key_spki: &[u8]) -> String {
        let key = URL_SAFE_NO_PAD.encode(sha256(free_key_spki));
        format!("{}presence-key: {key}\n", self.authentication_text(origin))
    }

    /// The text that stands for presence. It names the certificate, so that it cannot be shown beside another one.
    pub(crate) fn presence_text(&self, origin: &Origin, certificate: &[u8]) -> String {
        let certificate = URL_SAFE_NO_PAD.encode(sha256(certificate));
        format!("{}certificate: {certificate}\n", self.text("Musubi card presence 1", origin))
    }

    fn text(&self, title: &str, origin: &Origin) -> String {
        let Self { relying_party, purpose, nonce } = self;
        let origin = origin.as_str();
        format!(
            "{title}\norigin: {origin}\nrelying-party: {relying_party}\npurpose: {purpose}\nnonce: {nonce}\n"
        )
    }
}

/// The document's bytes, if it may be shown and was made for the site that asks.
fn check_document(document: String, stated: &str, origin: &Origin) -> Result<Vec<u8>, Problem> {
    if document.is_empty() || document.len() > DOCUMENT_LIMIT || document.chars().any(deceives_in_a_document)
    {
        return Err(Problem::new(&REQUEST_MALFORMED));
    }
    // Every origin line, not any: a second one could tell the reader of the document another story.
    let mut lines = document.lines().filter_map(|line| line.strip_prefix("origin: ")).peekable();
    if stated != origin.as_str() || lines.peek().is_none() || lines.any(|line| line != origin.as_str()) {
        return Err(Problem::new(&ORIGIN_MISMATCH));
    }
    Ok(document.into_bytes())
}

impl RelyingPartyClaim {
    fn is_well_formed(&self) -> bool {
        let body = self.id.strip_prefix("rp_").unwrap_or_default();
        let id = (1..=64).contains(&body.len())
            && body.bytes().all(|b| b.is_ascii_alphanumeric() || b"-_".contains(&b));
        let name = |text: &str| {
            !text.trim().is_empty() && text.chars().count() <= 100 && !text.chars().any(deceives)
        };
        id && name(&self.name.ja) && name(&self.name.en)
    }
}

/// 32 bytes in base64url without padding: 43 characters, of which the last carries four bits.
fn is_nonce(text: &str) -> bool {
    text.len() == 43
        && text.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-' || b == b'_')
        && text.bytes().last().is_some_and(|b| b"AEIMQUYcgkosw048".contains(&b))
}

fn is_purpose(text: &str) -> bool {
    (1..=64).contains(&text.len())
        && text.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'_')
}

/// Whether a character could make the signer see something else than what is signed; a document has line feeds.
fn deceives_in_a_document(c: char) -> bool {
    c != '\n' && deceives(c)
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    const BANK: &str = "http://bank.localhost:8080";
    const NONCE: &str = "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8";

    fn rp() -> Value {
        json!({ "id": "rp_00112233445566778899aabbccddeeff", "name": { "ja": "むすび銀行", "en": "Musubi Bank" } })
    }

    fn authenticate() -> Value {
        json!({ "version": 1, "operation": "authenticate", "nonce": NONCE, "purpose": "sign_in", "relying_party": rp() })
    }

    fn sign(document: &str) -> Value {
        json!({ "version": 1, "operation": "sign_document", "document": document, "origin": BANK, "relying_party": rp() })
    }

    /// The code of the refusal, or the text that would be signed.
    fn judged(request: Value, origin: &str) -> Result<String, &'static str> {
        let request: CardRequest = serde_json::from_value(request).map_err(|_| "unreadable")?;
        let origin = Origin::parse(origin).ok_or("unreadable")?;
        let asked = request.asked_by(origin).map_err(|problem| problem.code.as_str())?;
        let origin = asked.origin().clone();
        Ok(match asked.into_operation() {
            Operation::Authenticate { statement, enrol: false } => statement.authentication_text(&origin),
            Operation::Authenticate { statement, enrol: true } => {
                statement.enrolment_text(&origin, b"free key")
            }
            Operation::SignDocument(document) => String::from_utf8(document).unwrap(),
            Operation::ReadAttributes => String::new(),
            Operation::ProvePresence(statement) => statement.presence_text(&origin, b"certificate"),
        })
    }

    fn with(mut request: Value, pointer: &str, value: Value) -> Value {
        *request.pointer_mut(pointer).unwrap() = value;
        request
    }

    #[test]
    fn the_sign_in_text_names_the_calling_origin_the_relying_party_the_purpose_and_the_nonce() {
        let text = judged(authenticate(), BANK).unwrap();
        assert_eq!(
            text,
            format!(
                "Musubi user authentication 1\norigin: {BANK}\nrelying-party: rp_00112233445566778899aabbccddeeff\n\
                 purpose: sign_in\nnonce: {NONCE}\n"
            )
        );
    }

    #[test]
    fn with_enrolment_a_sixth_line_names_the_cards_free_key_and_nothing_else_changes() {
        let mut enrolling = authenticate();
        enrolling.as_object_mut().unwrap().insert("enrol_presence".into(), json!(true));
        let plain = judged(authenticate(), BANK).unwrap();
        // SHA-256 of "free key", computed apart.
        let line = "presence-key: jKNckY1l-VCLHGSIPkSNMXS68pMbTFV6gJ0UpJUJAG8\n";
        assert_eq!(judged(enrolling.clone(), BANK).unwrap(), format!("{plain}{line}"));
        assert_eq!(judged(with(enrolling.clone(), "/enrol_presence", json!(false)), BANK).unwrap(), plain);
        assert_eq!(judged(with(enrolling, "/enrol_presence", json!("true")), BANK), Err("unreadable"));
    }

    #[test]
    fn the_presence_text_names_itself_and_the_certificate_and_takes_no_enrolment() {
        let presence = with(authenticate(), "/operation", json!("prove_presence"));
        let expected = format!(
            "Musubi card presence 1\norigin: {BANK}\nrelying-party: rp_00112233445566778899aabbccddeeff\n\
             purpose: sign_in\nnonce: {NONCE}\ncertificate: A9Zt0Ig1wco_EozOrNHzGslBYwlrIPRFroQoW8CDLXI\n"
        );
        assert_eq!(judged(presence.clone(), BANK), Ok(expected));
        let mut enrolling = presence;
        enrolling.as_object_mut().unwrap().insert("enrol_presence".into(), json!(true));
        assert_eq!(judged(enrolling, BANK), Err("unreadable"));
    }

    #[test]
    fn a_request_relayed_by_another_site_is_signed_for_that_site_and_no_other() {
        let text = judged(authenticate(), "http://phish.localhost:8080").unwrap();
        assert!(text.contains("origin: http://phish.localhost:8080\n") && !text.contains(BANK));
    }

    #[test]
    fn a_line_break_in_any_value_is_refused() {
        for pointer in
            ["/nonce", "/purpose", "/relying_party/id", "/relying_party/name/ja", "/relying_party/name/en"]
        {
            for value in ["a\nnonce: b", "sign_in\n", "\rsign_in", "rp_a\norigin: http://x"] {
                let refused = judged(with(authenticate(), pointer, json!(value)), BANK);
                assert_eq!(refused, Err("request.malformed"), "{pointer} {value:?}");
            }
        }
    }

    #[test]
    fn a_nonce_is_32_bytes_in_base64url_and_nothing_else() {
        for nonce in [
            "",
            "AAAA",
            &NONCE.replace('A', "+"),
            &format!("{NONCE}A"),
            &format!("{}9", NONCE.get(..42).unwrap()),
        ] {
            assert_eq!(
                judged(with(authenticate(), "/nonce", json!(nonce)), BANK),
                Err("request.malformed"),
                "{nonce}"
            );
        }
    }

    #[test]
    fn another_version_an_unknown_operation_and_unknown_members_are_not_read() {
        assert_eq!(judged(with(authenticate(), "/version", json!(2)), BANK), Err("unreadable"));
        assert_eq!(judged(with(authenticate(), "/version", json!("1")), BANK), Err("unreadable"));
        assert_eq!(judged(with(authenticate(), "/operation", json!("erase")), BANK), Err("unreadable"));
        let mut more = authenticate();
        more.as_object_mut().unwrap().insert("origin".into(), json!(BANK));
        assert_eq!(judged(more, BANK), Err("unreadable"));
        for member in ["version", "nonce", "purpose", "relying_party"] {
            let mut less = authenticate();
            less.as_object_mut().unwrap().remove(member);
            assert_eq!(judged(less, BANK), Err("unreadable"), "{member}");
        }
    }

    #[test]
    fn a_document_is_signed_byte_for_byte_if_it_names_the_calling_origin() {
        let document = format!("口座開設の申込み\norigin: {BANK}\n署名します。\n");
        assert_eq!(judged(sign(&document), BANK), Ok(document));
    }

    #[test]
    fn a_document_for_another_site_is_refused() {
        let document = format!("申込み\norigin: {BANK}\n");
        assert_eq!(judged(sign(&document), "http://phish.localhost:8080"), Err("card.origin_mismatch"));
        let relabelled = with(sign(&document), "/origin", json!("http://phish.localhost:8080"));
        assert_eq!(judged(relabelled, "http://phish.localhost:8080"), Err("card.origin_mismatch"));
        for wrong in [
            "申込み\n".to_owned(),
            format!("申込み origin: {BANK}\n"),
            format!("origin: {BANK}/\n"),
            format!("origin: {BANK}\norigin: http://phish.localhost:8080\n"),
        ] {
            assert_eq!(judged(sign(&wrong), BANK), Err("card.origin_mismatch"), "{wrong}");
        }
    }

    #[test]
    fn a_document_that_is_empty_too_long_or_shows_other_than_it_says_is_refused() {
        let line = format!("origin: {BANK}\n");
        let long = format!("{line}{}", "あ".repeat(DOCUMENT_LIMIT / 3 + 1));
        let cases = [
            "".to_owned(),
            long,
            format!("{line}\u{202E}000,1"),
            format!("{line}a\u{200B}b"),
            format!("{line}a\u{E0061}b"),
            format!("{line}1\u{AD}000"),
            format!("{line}a\rb"),
        ];
        for document in cases {
            assert_eq!(judged(sign(&document), BANK), Err("request.malformed"));
        }
    }

    #[test]
    fn an_origin_is_scheme_host_and_port_in_the_browsers_spelling() {
        for right in [
            BANK,
            "https://bank.example",
            "http://127.0.0.1:8080",
            "http://[::1]:8080",
            "https://xn--nckwd5cta.jp",
        ] {
            assert!(Origin::parse(right).is_some(), "{right}");
        }
        for wrong in [
            "",
            "null",
            "bank.localhost",
            "file://",
            "ftp://bank.example",
            "http://",
            "http://:8080",
            "http://bank.localhost:8080/",
            "http://bank.localhost:8080/a",
            "http://a@bank.localhost",
            "http://Bank.localhost",
            "http://bank.localhost:",
            "http://bank.localhost:080",
            "http://bank.localhost:80",
            "https://bank.localhost:443",
            "http://bank.localhost:65536",
            "http://bank.localhost:8080\n",
            "http://bank localhost",
            "http://銀行.jp",
            "http://[::1",
            "http://[]:80",
            "http://[::1]8080",
            "http://bank.localhost:8080:1",
        ] {
            assert!(Origin::parse(wrong).is_none(), "{wrong:?}");
        }
    }
}
