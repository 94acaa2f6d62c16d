//! The problems that any API can answer.

use crate::{ProblemKind, Text};

/// Every kind in this module, for the reference.
pub const PROBLEMS: &[&ProblemKind] = &[
    &INTERNAL,
    &ROUTE_UNKNOWN,
    &METHOD_NOT_ALLOWED,
    &HOST_UNKNOWN,
    &REQUEST_MALFORMED,
    &REQUEST_TOO_LARGE,
    &REQUEST_UNSUPPORTED_MEDIA_TYPE,
    &REQUEST_TIMED_OUT,
    &REQUEST_RATE_LIMITED,
];

/// Something failed inside; only the operator's log says what.
pub static INTERNAL: ProblemKind = ProblemKind::new(
    "internal",
    500,
    "Internal error",
    Text::new(
        "サーバー内部で処理に失敗しました。",
        "しばらくしてから同じリクエストを送り直してください。続くときは運用者に連絡してください。",
    ),
    Text::new(
        "The server failed to process the request.",
        "Send the same request again later. If it goes on, tell the operator.",
    ),
);

/// No route has this path.
pub static ROUTE_UNKNOWN: ProblemKind = ProblemKind::new(
    "route.unknown",
    404,
    "No such resource",
    Text::new("このURLには何もありません。", "URLをAPI仕様と照らし合わせてください。"),
    Text::new("There is nothing at this address.", "Compare the address with the API reference."),
);

/// The route exists, not with this method. The header `Allow` names the methods.
pub static METHOD_NOT_ALLOWED: ProblemKind = ProblemKind::new(
    "method.not_allowed",
    405,
    "Method not allowed",
    Text::new("このURLではこのHTTPメソッドを使えません。", "Allowヘッダーにあるメソッドを使ってください。"),
    Text::new("This address does not accept this HTTP method.", "Use a method that the Allow header names."),
);

/// The `Host` header names no service of this server (RFC 9110, 15.5.20).
pub static HOST_UNKNOWN: ProblemKind = ProblemKind::new(
    "host.unknown",
    421,
    "Misdirected request",
    Text::new("このホスト名のサービスはありません。", "URLのホスト名を確認してください。"),
    Text::new("No service here has this host name.", "Check the host name in the address."),
);

/// The body, the query or the path does not have the expected form.
pub static REQUEST_MALFORMED: ProblemKind = ProblemKind::new(
    "request.malformed",
    400,
    "Malformed request",
    Text::new(
        "リクエストを読み取れませんでした。項目の不足、余分な項目、または形式の誤りがあります。",
        "API仕様のとおりに項目を直して、もう一度送ってください。",
    ),
    Text::new(
        "The request could not be read: a member is missing, unknown or of the wrong form.",
        "Correct its members as the API reference says and send it again.",
    ),
);

/// The body is larger than the route accepts. The member `limit_bytes` says how large it may be.
pub static REQUEST_TOO_LARGE: ProblemKind = ProblemKind::new(
    "request.too_large",
    413,
    "Request too large",
    Text::new("リクエストの本文が大きすぎます。", "limit_bytes以下にして送り直してください。"),
    Text::new("The body of the request is too large.", "Make it at most limit_bytes long and send it again."),
);

/// The body has another content type. The member `expected` names the right one.
pub static REQUEST_UNSUPPORTED_MEDIA_TYPE: ProblemKind = ProblemKind::new(
    "request.unsupported_media_type",
    415,
    "Unsupported media type",
    Text::new("Content-Typeが違います。", "expectedにあるContent-Typeで送り直してください。"),
    Text::new(
        "The request has the wrong Content-Type.",
        "Send it again with the Content-Type that `expected` names.",
    ),
);

/// The request took longer than this server spends on one.
pub static REQUEST_TIMED_OUT: ProblemKind = ProblemKind::new(
    "request.timed_out",
    503,
    "Timed out",
    Text::new(
        "時間内に処理を終えられませんでした。",
        "しばらくしてから同じリクエストを、同じIdempotency-Keyで送り直してください。",
    ),
    Text::new(
        "The request was not finished in time.",
        "Send the same request again later, with the same Idempotency-Key.",
    ),
);

/// Too many requests. The header `Retry-After` says, in seconds, when to come back.
pub static REQUEST_RATE_LIMITED: ProblemKind = ProblemKind::new(
    "request.rate_limited",
    429,
    "Too many requests",
    Text::new("短い時間にリクエストが多すぎます。", "Retry-Afterの秒数だけ待ってから送り直してください。"),
    Text::new(
        "There were too many requests in a short time.",
        "Wait for the seconds in Retry-After, then send it again.",
    ),
);
