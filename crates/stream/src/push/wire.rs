//! The requests that carry entries and heartbeats: RFC 8935, 2.1, and Standard Webhooks 1.0.0.

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use musubi_crypto::hmac_sha256;
use musubi_feed::event_type;
use musubi_httpkit::outbound::{HeaderMap, HeaderName, HeaderValue, header};
use musubi_kernel::{Secret, UnixTime};
use serde::Deserialize;
use serde_json::{Map, Value, json};

use super::Style;

/// What a webhook's key begins with, for its reader's eye.
const SECRET_PREFIX: &str = "whsec_";

/// What requests to one endpoint carry beside the entry.
pub(super) struct Credentials {
    pub(super) style: Style,
    /// The keys that sign a webhook, the present one first.
    pub(super) secrets: Vec<Secret<Vec<u8>>>,
    pub(super) authorization: Option<Secret<String>>,
}

/// A request's headers and body.
pub(super) struct Message {
    pub(super) headers: HeaderMap,
    pub(super) body: String,
}

/// A stored token that is not one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Unreadable;

#[derive(Deserialize)]
struct Claims {
    iat: i64,
    jti: String,
    sub_id: Option<SubjectId>,
    events: Map<String, Value>,
    musubi_chain: Option<Chain>,
}

#[derive(Deserialize)]
struct SubjectId {
    id: String,
}

#[derive(Deserialize)]
struct Chain {
    sequence: u64,
}

/// A webhook's key as the relying party is shown it.
pub(super) fn shown_secret(key: &[u8]) -> Secret<String> {
    Secret::new(format!("{SECRET_PREFIX}{}", STANDARD.encode(key)))
}

/// The value that signs a webhook: `v1,` and base64 of HMAC-SHA-256 over `id.timestamp.body`.
#[must_use]
pub fn webhook_signature(key: &[u8], id: &str, timestamp: i64, body: &str) -> String {
    let timestamp = timestamp.to_string();
    let parts = [id.as_bytes(), b".", timestamp.as_bytes(), b".", body.as_bytes()];
    format!("v1,{}", STANDARD.encode(hmac_sha256(key, &parts)))
}

/// The request that carries `token`, an entry's or a heartbeat's, as it is sent at `at`.
pub(super) fn message(token: &str, credentials: &Credentials, at: UnixTime) -> Result<Message, Unreadable> {
    let mut headers = HeaderMap::new();
    if let Some(authorization) = &credentials.authorization {
        let mut value = HeaderValue::from_str(authorization.expose()).map_err(|_| Unreadable)?;
        value.set_sensitive(true);
        headers.insert(header::AUTHORIZATION, value);
    }
    let body = match credentials.style {
        Style::SetPush => {
            headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/secevent+jwt"));
            headers.insert(header::ACCEPT, HeaderValue::from_static("application/json"));
            token.to_owned()
        }
        Style::Webhook => {
            let (id, body) = webhook(token)?;
            headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
            let signatures: Vec<String> = credentials
                .secrets
                .iter()
                .map(|key| webhook_signature(key.expose(), &id, at.0, &body))
                .collect();
            for (name, value) in [
                ("webhook-id", id),
                ("webhook-timestamp", at.0.to_string()),
                ("webhook-signature", signatures.join(" ")),
            ] {
                let value = HeaderValue::from_str(&value).map_err(|_| Unreadable)?;
                headers.insert(HeaderName::from_static(name), value);
            }
            body
        }
    };
    Ok(Message { headers, body })
}

/// Id and body of a webhook. The token is the platform's own, from its own database: it is read, not verified, so that
/// entries under a former key can still be sent.
fn webhook(token: &str) -> Result<(String, String), Unreadable> {
    let claims = token.split('.').nth(1).ok_or(Unreadable)?;
    let claims = URL_SAFE_NO_PAD.decode(claims).map_err(|_| Unreadable)?;
    let claims: Claims = serde_json::from_slice(&claims).map_err(|_| Unreadable)?;
    let (uri, data) = claims.events.into_iter().next().ok_or(Unreadable)?;
    let name = event_type(&uri).map_or("other", |known| known.name);
    let mut body = json!({
        "type": format!("musubi.{name}"),
        "timestamp": UnixTime(claims.iat).rfc3339(),
        "data": data,
        "token": token,
    });
    if let Some(members) = body.as_object_mut() {
        if let Some(chain) = claims.musubi_chain {
            members.insert("sequence".into(), chain.sequence.into());
        }
        if let Some(subject) = claims.sub_id {
            members.insert("subject".into(), subject.id.into());
        }
    }
    // The specification wants no full stop inside an id: it parts the signed text.
    Ok((claims.jti.replace('.', "-"), body.to_string()))
}

#[cfg(test)]
mod tests {
    use musubi_crypto::Ed25519Signer;
    use musubi_feed::{CREDENTIAL_CHANGE, Event, Stream, seal_entry};

    use super::*;

    fn token() -> String {
        let stream = Stream { issuer: "https://api.example.jp".into(), audience: "rp_1".into() };
        let body = json!({ "change": "renewed", "customer_id": "c-1" }).as_object().unwrap().clone();
        let event = Event::about(CREDENTIAL_CHANGE, "pw_x".into(), body);
        let key = Ed25519Signer::from_seed(&[7; 32]).unwrap();
        seal_entry(&stream, &stream.start(), &event, UnixTime(1_614_265_330), &key).0
    }

    /// The vector of the reference library's own tests (standard-webhooks, `test_sign_function`).
    #[test]
    fn a_signature_is_that_of_the_reference_library() {
        let key = STANDARD.decode("MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw").unwrap();
        let signature =
            webhook_signature(&key, "msg_p5jXN8AQM9LWM0D4loKWxJek", 1_614_265_330, r#"{"test": 2432232314}"#);
        assert_eq!(signature, "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=");
    }

    #[test]
    fn a_webhook_has_the_events_members_and_the_token_and_one_signature_for_each_key() {
        let secrets = vec![Secret::new(vec![1; 32]), Secret::new(vec![2; 32])];
        let credentials = Credentials { style: Style::Webhook, secrets, authorization: None };
        let Message { headers, body } = message(&token(), &credentials, UnixTime(1_700_000_000)).unwrap();
        let value: Value = serde_json::from_str(&body).unwrap();
        assert_eq!(
            value,
            json!({
                "type": "musubi.change", "timestamp": "2021-02-25T15:02:10Z", "sequence": 1, "subject": "pw_x",
                "data": { "change": "renewed", "customer_id": "c-1" }, "token": token(),
            })
        );
        assert_eq!(headers["webhook-id"], "rp_1-1");
        assert_eq!(headers["webhook-timestamp"], "1700000000");
        let wanted: Vec<String> =
            [1, 2].map(|n| webhook_signature(&[n; 32], "rp_1-1", 1_700_000_000, &body)).into();
        assert_eq!(headers["webhook-signature"], wanted.join(" ").as_str());
    }

    #[test]
    fn a_push_is_the_token_and_its_authorization_never_shows() {
        let authorization = Some(Secret::new("Bearer abc".to_owned()));
        let credentials = Credentials { style: Style::SetPush, secrets: Vec::new(), authorization };
        let Message { headers, body } = message(&token(), &credentials, UnixTime(0)).unwrap();
        assert_eq!(body, token());
        assert_eq!(headers["content-type"], "application/secevent+jwt");
        assert_eq!(headers["authorization"], "Bearer abc");
        assert!(!format!("{headers:?}").contains("abc"));
    }

    /// `docs/spec/vectors/push.json`: what receivers test themselves with.
    #[test]
    fn the_published_vector_is_what_is_sent() {
        let stream = Stream {
            issuer: "https://api.musubi.example".into(),
            audience: "rp_00112233445566778899aabbccddeeff".into(),
        };
        let body = json!({
            "change": "attributes_changed", "customer_id": "c-1001", "certificate_kind": "digital_signature",
            "occurred_at": "2026-04-01T00:00:00Z", "recorded_at": "2026-04-01T01:00:00Z",
            "latest_attributes": "no_consent",
        });
        let subject = "pw_00112233445566778899aabbccddeeff".to_owned();
        let event = Event::about(CREDENTIAL_CHANGE, subject, body.as_object().unwrap().clone());
        let key = Ed25519Signer::from_seed(&[7; 32]).unwrap();
        let token = seal_entry(&stream, &stream.start(), &event, UnixTime(1_775_005_200), &key).0;
        let secret = STANDARD.decode("MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw").unwrap();
        let sent = |style| {
            let secrets = vec![Secret::new(secret.clone())];
            let credentials = Credentials { style, secrets, authorization: None };
            let Message { headers, body } = message(&token, &credentials, UnixTime(1_775_005_205)).unwrap();
            let headers: Map<String, Value> = headers
                .iter()
                .map(|(name, value)| (name.to_string(), value.to_str().unwrap().into()))
                .collect();
            json!({ "headers": headers, "body": body })
        };
        let vector = json!({
            "signing_key": musubi_feed::VerifyingKey::new(key.public_key()).jwk(),
            "issuer": stream.issuer, "audience": stream.audience,
            "webhook_secret": shown_secret(&secret).expose(),
            "set_push": sent(Style::SetPush), "webhook": sent(Style::Webhook),
        });
        let published = include_str!("../../../../docs/spec/vectors/push.json");
        assert_eq!(published, format!("{vector:#}\n"), "{vector:#}");
    }

    #[test]
    fn what_is_no_token_is_not_sent_as_a_webhook() {
        let credentials = Credentials {
            style: Style::Webhook,
            secrets: vec![Secret::new(vec![1; 32])],
            authorization: None,
        };
        for wrong in ["", "a", "a.b.c", "a.e30.c"] {
            assert_eq!(message(wrong, &credentials, UnixTime(0)).err(), Some(Unreadable), "{wrong}");
        }
    }
}
