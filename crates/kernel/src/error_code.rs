//! Stable dotted codes such as `certificate.revoked`: the `type` of a problem document, the label of a
//! metric, the field of an audit event. A code, once published, keeps its meaning.

use std::fmt;

/// A stable, dotted, lower-case error code.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ErrorCode(pub &'static str);

impl ErrorCode {
    /// The code's text.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        self.0
    }
}

impl fmt::Display for ErrorCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.0)
    }
}
