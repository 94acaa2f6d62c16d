//! What the bank keeps: applications, sign-ins, accounts, change events.

use musubi_crypto::Sha256Digest;
use musubi_feed::Place;
use musubi_kernel::{UnixTime, define_id};

use super::stream::Trouble;
use crate::platform_client::{
    Application, Asked, Assurance, Attributes, CheckAnswer, Judged, PresenceProof, Reason,
};

define_id!(
    /// An application for an account. Unguessable, and shown only to the browser that made it.
    ApplicationId,
    "ap"
);
define_id!(
    /// A sign-in that waits for the card's answer.
    SignInId,
    "si"
);

/// A text in the database that is none of the expected ones.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct UnknownName;

macro_rules! named {
    ($(#[$doc:meta])* $name:ident { $($(#[$variant_doc:meta])* $variant:ident = $text:literal,)* }) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq)]
        pub(crate) enum $name {
            $($(#[$variant_doc])* $variant,)*
        }

        impl $name {
            pub(crate) fn as_str(self) -> &'static str {
                match self {
                    $(Self::$variant => $text,)*
                }
            }
        }

        impl std::str::FromStr for $name {
            type Err = UnknownName;

            fn from_str(text: &str) -> Result<Self, UnknownName> {
                match text {
                    $($text => Ok(Self::$variant),)*
                    _ => Err(UnknownName),
                }
            }
        }
    };
}

named! {
    /// drafted → open → submitted → accepted | refused; lapsed when its time ran out on the way.
    ApplicationState {
        /// Written down; the platform has not opened a transaction yet.
        Drafted = "drafted",
        /// Waits for the signature.
        Open = "open",
        /// Signed; the platform has not judged yet.
        Submitted = "submitted",
        /// The account exists.
        Accepted = "accepted",
        /// Refused, with the platform's reason.
        Refused = "refused",
        /// Out of time.
        Lapsed = "lapsed",
    }
}

/// A sign-in goes the same way.
pub(crate) type SignInState = ApplicationState;

named! {
    /// What became of the question for the latest attributes after a change.
    LatestState {
        /// Nothing to ask.
        None = "none",
        /// To be asked, or asked without success yet.
        Pending = "pending",
        /// Received and on file.
        Received = "received",
        /// The consent or the link is gone.
        Refused = "refused",
    }
}

pub(crate) struct ApplicationRecord {
    pub(crate) id: ApplicationId,
    /// SHA-256 of the cookie of the browser that made it.
    pub(crate) browser: Sha256Digest,
    pub(crate) customer_id: String,
    pub(crate) state: ApplicationState,
    pub(crate) application: Application,
    pub(crate) open_key: String,
    pub(crate) proofing_id: Option<String>,
    pub(crate) to_be_signed: Option<String>,
    pub(crate) card_request: Option<serde_json::Value>,
    pub(crate) expires_at: Option<UnixTime>,
    pub(crate) certificate: Option<String>,
    pub(crate) signature: Option<String>,
    pub(crate) completion_key: Option<String>,
    pub(crate) tampered: bool,
    pub(crate) result: Option<Judged>,
    pub(crate) problem: Option<Reason>,
    pub(crate) next_attempt_at: UnixTime,
    pub(crate) created_at: UnixTime,
}

pub(crate) struct SignInRecord {
    pub(crate) id: SignInId,
    /// SHA-256 of the cookie of the browser that began it.
    pub(crate) browser: Sha256Digest,
    pub(crate) state: SignInState,
    pub(crate) asked: Asked,
    pub(crate) open_key: String,
    pub(crate) check_id: Option<String>,
    pub(crate) card_request: Option<serde_json::Value>,
    pub(crate) expires_at: Option<UnixTime>,
    pub(crate) certificate: Option<String>,
    pub(crate) signature: Option<String>,
    pub(crate) page_origin: Option<String>,
    pub(crate) presence: Option<PresenceProof>,
    pub(crate) completion_key: Option<String>,
    pub(crate) result: Option<Judged>,
    pub(crate) problem: Option<Reason>,
    pub(crate) created_at: UnixTime,
}

impl SignInRecord {
    /// What the card answered, once it has.
    pub(crate) fn answer(&self) -> Option<CheckAnswer<'_>> {
        Some(CheckAnswer {
            certificate: self.certificate.as_deref()?,
            signature: self.signature.as_deref()?,
            origin: self.page_origin.as_deref()?,
            presence: self.presence.as_ref(),
        })
    }
}

/// A visitor who was recognised.
pub(crate) struct Session {
    pub(crate) customer_id: String,
    pub(crate) expires_at: UnixTime,
}

/// What a visitor is let in with: the cookie's value, and how they were recognised.
pub(crate) struct LetIn {
    pub(crate) token: String,
    pub(crate) assurance: Assurance,
    /// Whether the card was to be enrolled and was not, of which the customer is told.
    pub(crate) enrolment_refused: bool,
}

/// What the database calls it.
pub(crate) fn asked_name(asked: Asked) -> &'static str {
    match asked {
        Asked::Pin => "pin",
        Asked::PinEnrolling => "pin_enrolling",
        Asked::Presence => "presence",
    }
}

pub(crate) fn asked_of_name(name: &str) -> Result<Asked, UnknownName> {
    [Asked::Pin, Asked::PinEnrolling, Asked::Presence]
        .into_iter()
        .find(|asked| asked_name(*asked) == name)
        .ok_or(UnknownName)
}

/// A customer's account.
pub(crate) struct Account {
    /// 顧客番号, the bank's own.
    pub(crate) customer_id: String,
    pub(crate) account_number: String,
    pub(crate) has_consent: bool,
    /// When the card was last registered for the reception without PIN.
    pub(crate) presence_enrolled_at: Option<UnixTime>,
    pub(crate) balance_yen: i64,
    pub(crate) opened_at: UnixTime,
}

/// Attributes on file, as of a time.
pub(crate) struct AttributesVersion {
    /// From 1; the greatest counts.
    pub(crate) version: i64,
    pub(crate) attributes: Attributes,
    pub(crate) as_of: UnixTime,
    /// The change event that led to it; none for those of the application.
    pub(crate) event_sequence: Option<i64>,
}

/// A change event on file.
pub(crate) struct BankEvent {
    pub(crate) sequence: i64,
    pub(crate) customer_id: String,
    pub(crate) kind: String,
    pub(crate) certificate_kind: String,
    pub(crate) occurred_at: UnixTime,
    pub(crate) recorded_at: UnixTime,
    pub(crate) list_number: Option<String>,
    pub(crate) list_made_at: Option<UnixTime>,
    pub(crate) latest: LatestState,
    pub(crate) fetch_key: String,
    pub(crate) attempts: i64,
}

/// How far the change events were read, and how fresh their evidence was then.
#[derive(Debug, Clone)]
pub(crate) struct ChangeCursor {
    pub(crate) next: i64,
    pub(crate) polled_at: Option<UnixTime>,
    pub(crate) list_number: Option<String>,
    pub(crate) list_made_at: Option<UnixTime>,
    /// How far the stream was checked; `None` before the first page.
    pub(crate) place: Option<Place>,
    /// What is wrong with the stream.
    pub(crate) trouble: Option<Trouble>,
}
