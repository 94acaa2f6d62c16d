//! Problem documents (RFC 9457): what an API answers when it does not answer.
//!
//! Every kind is a documented value in a list, one list per crate, so that the reference of error codes is
//! printed from the code. A problem tells outsiders what happened and what they can do next, in Japanese and
//! English; it never repeats what they sent.

use axum::http::{HeaderName, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use musubi_kernel::ErrorCode;
use serde::Serialize;
use serde_json::{Map, Value};

/// What precedes the code in a problem's `type`.
pub const PROBLEM_TYPE_BASE: &str = "https://musubi.example/problems/";

/// Media type of a problem document (RFC 9457, 3).
pub const PROBLEM_JSON: &str = "application/problem+json";

/// What happened and what to do next, in one language.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, utoipa::ToSchema)]
#[schema(as = ProblemText)]
pub struct Text {
    /// What happened: one plain sentence.
    pub what: &'static str,
    /// What the reader can do next: one plain sentence.
    pub next: &'static str,
}

impl Text {
    /// A text of `what` happened and what to do `next`.
    #[must_use]
    pub const fn new(what: &'static str, next: &'static str) -> Self {
        Self { what, next }
    }
}

/// A kind of problem. A published one keeps its code and its status.
#[derive(Debug, PartialEq, Eq)]
pub struct ProblemKind {
    /// The stable dotted code.
    pub code: ErrorCode,
    /// The HTTP status, 400 to 599.
    pub status: u16,
    /// Short English title, the same for every occurrence (RFC 9457, 3.1.3).
    pub title_en: &'static str,
    /// The Japanese text.
    pub ja: Text,
    /// The English text.
    pub en: Text,
}

impl ProblemKind {
    /// A kind of problem.
    #[must_use]
    pub const fn new(code: &'static str, status: u16, title_en: &'static str, ja: Text, en: Text) -> Self {
        Self { code: ErrorCode(code), status, title_en, ja, en }
    }
}

/// One occurrence of a problem; becomes a response with the media type `application/problem+json`.
#[derive(Debug, Clone)]
pub struct Problem {
    /// The stable dotted code.
    pub code: ErrorCode,
    /// The HTTP status.
    pub status: u16,
    kind: &'static ProblemKind,
    members: Map<String, Value>,
    headers: Vec<(HeaderName, HeaderValue)>,
}

#[derive(Serialize)]
struct Document<'a> {
    r#type: String,
    title: &'static str,
    status: u16,
    code: &'static str,
    detail: Detail,
    #[serde(flatten)]
    members: &'a Map<String, Value>,
}

#[derive(Serialize)]
struct Detail {
    ja: Text,
    en: Text,
}

impl Problem {
    /// An occurrence of `kind`.
    #[must_use]
    pub fn new(kind: &'static ProblemKind) -> Self {
        Self { code: kind.code, status: kind.status, kind, members: Map::new(), headers: Vec::new() }
    }

    /// The kind of this problem: its texts are for pages, too.
    #[must_use]
    pub fn kind(&self) -> &'static ProblemKind {
        self.kind
    }

    /// Adds an extension member (RFC 9457, 3.2). A member that cannot be written as JSON is left out; one
    /// with a standard name (`type`, `title`, `status`, `code`, `detail`) is, too.
    #[must_use]
    pub fn with(mut self, member: &'static str, value: impl Serialize) -> Self {
        if !["type", "title", "status", "code", "detail"].contains(&member)
            && let Ok(value) = serde_json::to_value(value)
        {
            self.members.insert(member.to_owned(), value);
        }
        self
    }

    /// Adds a response header, such as `Retry-After`.
    #[must_use]
    pub fn with_header(mut self, name: HeaderName, value: HeaderValue) -> Self {
        self.headers.push((name, value));
        self
    }

    /// The document's JSON.
    #[must_use]
    pub fn to_json(&self) -> Value {
        let document = Document {
            r#type: format!("{PROBLEM_TYPE_BASE}{}", self.code),
            title: self.kind.title_en,
            status: self.status,
            code: self.code.as_str(),
            detail: Detail { ja: self.kind.ja, en: self.kind.en },
            members: &self.members,
        };
        serde_json::to_value(document).unwrap_or_else(|_| Value::Object(Map::new()))
    }
}

impl From<&'static ProblemKind> for Problem {
    fn from(kind: &'static ProblemKind) -> Self {
        Self::new(kind)
    }
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let status = StatusCode::from_u16(self.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        let body = self.to_json().to_string();
        let mut response = (status, [(header::CONTENT_TYPE, PROBLEM_JSON)], body).into_response();
        for (name, value) in self.headers {
            response.headers_mut().insert(name, value);
        }
        // Middleware that turns a problem into a page finds it here.
        response.extensions_mut().insert(self.kind);
        response
    }
}

/// A 500 that tells the outsider nothing; the log is told `cause`: a code or a text without any value.
#[must_use]
pub fn internal(cause: &dyn std::fmt::Display) -> Problem {
    tracing::error!(code = crate::problems::INTERNAL.code.as_str(), cause = %cause, "could not answer");
    Problem::new(&crate::problems::INTERNAL)
}

/// A problem document (RFC 9457). A kind of problem may have further members.
#[derive(Debug, Serialize, utoipa::ToSchema)]
#[schema(example = json!({
    "type": "https://musubi.example/problems/request.malformed",
    "title": "Malformed request",
    "status": 400,
    "code": "request.malformed",
    "detail": {
        "ja": { "what": "リクエストを読み取れませんでした。", "next": "API仕様のとおりに項目を直して、もう一度送ってください。" },
        "en": { "what": "The request could not be read.", "next": "Correct its members as the API reference says and send it again." }
    }
}))]
pub struct ProblemDocument {
    /// `https://musubi.example/problems/` and the code.
    pub r#type: String,
    /// Short English title of the kind.
    pub title: String,
    /// The HTTP status.
    pub status: u16,
    /// Stable dotted code.
    pub code: String,
    /// What happened and what to do next, in both languages.
    pub detail: ProblemDetail,
}

/// What happened and what to do next.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub struct ProblemDetail {
    /// In Japanese.
    pub ja: Text,
    /// In English.
    pub en: Text,
}
