//! What can be the matter at the reader, and with the card: one list, from which the window's state, the refusals of
//! `POST /window/answer` and the texts of the page follow.

use musubi_card::client::CardError;
use musubi_card::transport::TransportError;
use musubi_card::{CertificateKind, PinReference};
use musubi_httpkit::{Problem, ProblemKind, internal};

use crate::problems::{
    APPLICATION_ABSENT, CARD_IN_USE, CARD_NONE, CARD_REMOVED, CARD_UNRESPONSIVE, CARD_WRONG,
    CERTIFICATE_ABSENT, NO_READER, NO_SERVICE, PIN_BLOCKED, PIN_LAST_TRY, PIN_WRONG,
};
use musubi_httpkit::problems::{INTERNAL, REQUEST_MALFORMED};

/// Something that a person mends at the reader; the window looks again every second while it lasts.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Condition {
    /// Its name in the window's state.
    pub(crate) name: &'static str,
    /// How a request is refused for it.
    pub(crate) problem: &'static ProblemKind,
}

/// The name of the state in which nothing is the matter.
pub(crate) const READY: &str = "ready";

const fn condition(name: &'static str, problem: &'static ProblemKind) -> Condition {
    Condition { name, problem }
}

/// Every condition. The page has a title, an explanation and a next step for each.
pub(crate) static CONDITIONS: [Condition; 9] = [
    condition("no_service", &NO_SERVICE),
    condition("no_reader", &NO_READER),
    condition("no_card", &CARD_NONE),
    condition("card_removed", &CARD_REMOVED),
    condition("in_use", &CARD_IN_USE),
    condition("unresponsive", &CARD_UNRESPONSIVE),
    condition("not_my_number_card", &CARD_WRONG),
    condition("application_absent", &APPLICATION_ABSENT),
    condition("failed", &INTERNAL),
];

/// The name of the condition that an error at a look at the card shows.
pub(crate) fn condition_name(error: &CardError) -> &'static str {
    let problem = problem_of(error);
    CONDITIONS.iter().find(|condition| condition.problem == problem).map_or("failed", |found| found.name)
}

/// The refusal of a request. A fault of the reader is told to the log; it names no person.
pub(crate) fn refusal(error: &CardError) -> Problem {
    let kind = problem_of(error);
    let problem = if kind == &INTERNAL { internal(error) } else { Problem::new(kind) };
    match error {
        CardError::PinWrong { pin, tries_left } => {
            problem.with("pin", pin_name(*pin)).with("tries_left", tries_left)
        }
        CardError::PinBlocked(pin) | CardError::LastTry(pin) => problem.with("pin", pin_name(*pin)),
        CardError::CertificateAbsent(kind) => problem.with("certificate", certificate_name(*kind)),
        _ => problem,
    }
}

fn problem_of(error: &CardError) -> &'static ProblemKind {
    match error {
        CardError::Transport(error) => match error {
            TransportError::NoService => &NO_SERVICE,
            TransportError::NoReader => &NO_READER,
            TransportError::NoCard => &CARD_NONE,
            TransportError::Removed => &CARD_REMOVED,
            TransportError::InUse => &CARD_IN_USE,
            TransportError::Unresponsive => &CARD_UNRESPONSIVE,
            TransportError::Failed(_) => &INTERNAL,
        },
        CardError::NotMyNumberCard => &CARD_WRONG,
        CardError::CertificateAbsent(_) => &CERTIFICATE_ABSENT,
        CardError::PinForm(_) => &REQUEST_MALFORMED,
        CardError::PinWrong { .. } => &PIN_WRONG,
        CardError::PinBlocked(_) => &PIN_BLOCKED,
        CardError::LastTry(_) => &PIN_LAST_TRY,
        CardError::ApplicationAbsent => &APPLICATION_ABSENT,
        CardError::Unexpected { .. } | CardError::Malformed(_) => &INTERNAL,
    }
}

/// How problems and the page name a PIN.
fn pin_name(pin: PinReference) -> &'static str {
    pin.as_str()
}

fn certificate_name(kind: CertificateKind) -> &'static str {
    match kind {
        CertificateKind::UserAuthentication => "authentication",
        CertificateKind::DigitalSignature => "signature",
    }
}
