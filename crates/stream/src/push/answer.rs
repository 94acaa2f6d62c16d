//! What a receiver's answer means.

use musubi_httpkit::outbound::{OutboundAnswer, OutboundError};
use serde::Deserialize;

use super::Style;

/// What becomes of the entry.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Reply {
    /// The receiver has it.
    Accepted,
    /// The receiver says that this entry is invalid: sending it again cannot help.
    Rejected(String),
    /// The receiver says that it is gone for good.
    Gone,
    /// Try again.
    Later {
        /// Why, as a stable word.
        code: String,
        /// How long the receiver asks to wait, in seconds.
        retry_after: Option<u32>,
    },
}

/// The error codes of RFC 8935, 2.4. All but the first tell of keys, issuers, audiences and rights: of the stream as a
/// whole, which heals once one side is mended. They are waited out.
const ERRORS: [&str; 6] = [
    "invalid_request",
    "invalid_key",
    "invalid_issuer",
    "invalid_audience",
    "authentication_failed",
    "access_denied",
];

#[derive(Deserialize)]
struct ErrorBody {
    err: String,
}

impl Reply {
    fn later(code: impl Into<String>, retry_after: Option<u32>) -> Self {
        Self::Later { code: code.into(), retry_after }
    }

    /// What an answer to a delivery means.
    ///
    /// A push is accepted by 202 alone (RFC 8935, 2.2): a sign-in page or a proxy answers 200. A webhook is accepted by any
    /// 2xx (Standard Webhooks); it has no words for "this entry is invalid", so everything else is waited out.
    pub(super) fn of(style: Style, answer: Result<OutboundAnswer, OutboundError>) -> Self {
        let answer = match answer {
            Ok(answer) => answer,
            Err(error) => return Self::later(error.code(), None),
        };
        match (style, answer.status) {
            (Style::SetPush, 202) | (Style::Webhook, 200..=299) => Self::Accepted,
            (_, 410) => Self::Gone,
            (_, 300..=399) => Self::later("redirected", None),
            (Style::SetPush, 400) => Self::of_error(&answer),
            (_, status) => Self::later(format!("status_{status}"), answer.retry_after),
        }
    }

    fn of_error(answer: &OutboundAnswer) -> Self {
        let is_json = answer.media_type.as_deref() == Some("application/json");
        let body = is_json.then(|| serde_json::from_slice::<ErrorBody>(&answer.body).ok()).flatten();
        let known = body.and_then(|body| ERRORS.into_iter().find(|known| *known == body.err));
        match known {
            Some("invalid_request") => Self::Rejected("invalid_request".into()),
            Some(known) => Self::later(known, answer.retry_after),
            None => Self::later("status_400", answer.retry_after),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn answer(status: u16, media_type: &str, body: &str) -> Result<OutboundAnswer, OutboundError> {
        let (media_type, body) = (Some(media_type.to_owned()), body.as_bytes().to_vec());
        Ok(OutboundAnswer { status, media_type, retry_after: Some(7), body })
    }

    #[test]
    fn a_push_is_accepted_by_202_alone_and_a_webhook_by_any_2xx() {
        assert_eq!(Reply::of(Style::SetPush, answer(202, "text/plain", "")), Reply::Accepted);
        for status in [200, 201, 204, 206] {
            let later = Reply::later(format!("status_{status}"), Some(7));
            assert_eq!(Reply::of(Style::SetPush, answer(status, "text/html", "sign in")), later);
            assert_eq!(Reply::of(Style::Webhook, answer(status, "text/html", "ok")), Reply::Accepted);
        }
    }

    #[test]
    fn only_the_words_this_entry_is_invalid_make_a_dead_letter() {
        let json = "application/json";
        let of = |media_type, body| Reply::of(Style::SetPush, answer(400, media_type, body));
        assert_eq!(of(json, r#"{"err":"invalid_request"}"#), Reply::Rejected("invalid_request".into()));
        assert_eq!(
            of(json, r#"{"err":"invalid_issuer","description":"?"}"#),
            Reply::later("invalid_issuer", Some(7))
        );
        for (media_type, body) in [
            (json, r#"{"err":"something_else"}"#),
            (json, r#"{"error":"invalid_request"}"#),
            (json, "invalid_request"),
            ("text/html", r#"{"err":"invalid_request"}"#),
        ] {
            assert_eq!(of(media_type, body), Reply::later("status_400", Some(7)), "{body}");
        }
        let webhook = Reply::of(Style::Webhook, answer(400, json, r#"{"err":"invalid_request"}"#));
        assert_eq!(webhook, Reply::later("status_400", Some(7)));
    }

    #[test]
    fn gone_redirects_refusals_and_failures_have_their_own_words() {
        assert_eq!(Reply::of(Style::Webhook, answer(410, "", "")), Reply::Gone);
        assert_eq!(Reply::of(Style::SetPush, answer(302, "", "")), Reply::later("redirected", None));
        assert_eq!(Reply::of(Style::SetPush, answer(429, "", "")), Reply::later("status_429", Some(7)));
        assert_eq!(
            Reply::of(Style::SetPush, Err(OutboundError::Address)),
            Reply::later("address_refused", None)
        );
    }
}
