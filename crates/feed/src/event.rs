//! What an entry tells. The types of the OpenID Shared Signals Framework where one fits (CAEP 1.0, RISC 1.0, SSF 1.0), our
//! own names otherwise.

use serde_json::{Map, Value};

/// A type of event.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct EventType {
    /// Its name in databases, metrics and `GET /v1/change-events`.
    pub name: &'static str,
    /// Its URI in the claim `events`.
    pub uri: &'static str,
}

macro_rules! event_types {
    ($($(#[doc = $doc:literal])+ $constant:ident = $name:literal, $uri:literal;)*) => {
        $($(#[doc = $doc])+ pub const $constant: EventType = EventType { name: $name, uri: $uri };)*
        /// Every type. A receiver passes over the body of a type that it does not know, but not over its number.
        pub const EVENT_TYPES: &[EventType] = &[$($constant,)*];
    };
}

event_types! {
    /// A watched certificate changed: attributes changed, renewed, ended, undetermined (CAEP 1.0, 3.3).
    CREDENTIAL_CHANGE = "change", "https://schemas.openid.net/secevent/caep/event-type/credential-change";
    /// A watched certificate is suspended or compromised (RISC 1.0, 2.7).
    CREDENTIAL_COMPROMISE = "compromise", "https://schemas.openid.net/secevent/risc/event-type/credential-compromise";
    /// Later evidence contradicts an answer that was given.
    CORRECTION = "correction", "urn:musubi:event-type:correction";
    /// An answer that had to wait for evidence is there.
    SETTLED = "settled", "urn:musubi:event-type:settled";
    /// A customer's watching began, was confirmed or ended.
    WATCH = "watch", "urn:musubi:event-type:watch";
    /// A consent to the latest attributes was given, withdrawn, or is about to end.
    CONSENT = "consent", "urn:musubi:event-type:consent";
    /// The receiver asked for a sign of life (SSF 1.0, 8.1.4).
    VERIFICATION = "verification", "https://schemas.openid.net/secevent/ssf/event-type/verification";
    /// The stream was paused, enabled or disabled (SSF 1.0, 8.1.5).
    STREAM_UPDATED = "stream_updated", "https://schemas.openid.net/secevent/ssf/event-type/stream-updated";
    /// See [`Heartbeat`](crate::Heartbeat); never in the sequence.
    HEARTBEAT = "heartbeat", "urn:musubi:event-type:heartbeat";
    /// See [`DayStatement`](crate::DayStatement); never in the sequence.
    DAY = "day", "urn:musubi:event-type:day";
}

/// The type with this URI.
#[must_use]
pub fn event_type(uri: &str) -> Option<EventType> {
    EVENT_TYPES.iter().copied().find(|known| known.uri == uri)
}

/// What an entry tells: about whom, of which type, and the members of that type.
#[derive(Clone, PartialEq, Eq)]
pub struct Event {
    /// URI of its type; of one that this version does not know, too.
    pub uri: String,
    /// The receiver's own identifier of the person (RFC 9493, format `opaque`): a pairwise id.
    pub subject: Option<String>,
    /// The event's members.
    pub body: Map<String, Value>,
}

impl Event {
    /// An event about a person.
    #[must_use]
    pub fn about(event_type: EventType, subject: String, body: Map<String, Value>) -> Self {
        Self { uri: event_type.uri.to_owned(), subject: Some(subject), body }
    }

    /// An event about the stream itself.
    #[must_use]
    pub fn of_stream(event_type: EventType, body: Map<String, Value>) -> Self {
        Self { uri: event_type.uri.to_owned(), subject: None, body }
    }

    /// Its type's name; `other` if this version does not know it.
    #[must_use]
    pub fn name(&self) -> &'static str {
        event_type(&self.uri).map_or("other", |known| known.name)
    }
}

/// Shows the type alone: customers and changes are nobody else's business.
impl std::fmt::Debug for Event {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Event").field("type", &self.name()).finish_non_exhaustive()
    }
}
