//! What goes wrong at a reader, in the words of the person before it: what happened, and what to do next. Codes, evidence
//! and logs are not here.

use std::path::Path;
use std::sync::LazyLock;

use musubi_card::client::CardError;
use musubi_card::transport::TransportError;
use musubi_card::{CertificateKind, PinReference};
use musubi_httpkit::page::{Texts, Tr};
use musubi_kernel::{Date, shown};

/// All texts of this program.
pub(crate) static TEXTS: LazyLock<Texts> =
    LazyLock::new(|| Texts::new(include_str!("../locales/ja.txt"), include_str!("../locales/en.txt")));

/// Something that a person meets and can do something about.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Condition {
    /// The smart-card service does not run.
    NoService,
    /// No reader, or none of the name that was given.
    NoReader,
    /// No card on the reader.
    NoCard,
    /// The card was taken away.
    CardRemoved,
    /// Another program holds the card.
    InUse,
    /// What is on the reader does not answer.
    Unresponsive,
    /// The reader failed otherwise.
    Failed(String),
    /// Another kind of card.
    NotMyNumberCard,
    /// A carrier without this application.
    ApplicationAbsent,
    /// No such certificate on the card.
    CertificateAbsent(CertificateKind),
    /// What was entered cannot be this PIN.
    PinForm(PinReference),
    /// Wrong, and so many tries left.
    PinWrong(PinReference, u8),
    /// One try is left, and it was not to be spent.
    LastTry(PinReference),
    /// No try is left.
    PinBlocked(PinReference),
    /// A new PIN was entered in two ways.
    Differ,
    /// The card said something that it should not.
    CardFault(String),
    /// The certificate ended on this date.
    Expired(Date),
    /// The certificate begins on this date.
    NotYetValid(Date),
    /// The certificate ends on this date and can be renewed.
    NearRenewal(Date),
    /// The simulated nation does not answer.
    NationUnreachable(String),
    /// The simulated nation answers otherwise than it should.
    NationRefused(String),
    /// No such resident there.
    NoSuchResident,
    /// No virtual reader on this port.
    VpcdUnreachable(u16),
    /// A file that cannot be read.
    FileUnreadable(String, String),
    /// A file that cannot be written.
    FileUnwritable(String, String),
    /// No PIN came in.
    NoInput,
}

impl From<TransportError> for Condition {
    fn from(error: TransportError) -> Self {
        match error {
            TransportError::NoService => Self::NoService,
            TransportError::NoReader => Self::NoReader,
            TransportError::NoCard => Self::NoCard,
            TransportError::Removed => Self::CardRemoved,
            TransportError::InUse => Self::InUse,
            TransportError::Unresponsive => Self::Unresponsive,
            TransportError::Failed(detail) => Self::Failed(detail),
        }
    }
}

impl From<CardError> for Condition {
    fn from(error: CardError) -> Self {
        match error {
            CardError::Transport(error) => error.into(),
            CardError::NotMyNumberCard => Self::NotMyNumberCard,
            CardError::ApplicationAbsent => Self::ApplicationAbsent,
            CardError::CertificateAbsent(kind) => Self::CertificateAbsent(kind),
            CardError::PinForm(pin) => Self::PinForm(pin),
            CardError::PinWrong { pin, tries_left } => Self::PinWrong(pin, tries_left),
            CardError::LastTry(pin) => Self::LastTry(pin),
            CardError::PinBlocked(pin) => Self::PinBlocked(pin),
            error @ (CardError::Unexpected { .. } | CardError::Malformed(_)) => {
                Self::CardFault(error.to_string())
            }
        }
    }
}

impl Condition {
    /// A file that could not be read, and why.
    pub(crate) fn unreadable(path: &Path, error: &std::io::Error) -> Self {
        Self::FileUnreadable(shown(&path.display().to_string()), error.to_string())
    }

    /// A file that could not be written, and why.
    pub(crate) fn unwritable(path: &Path, error: &std::io::Error) -> Self {
        Self::FileUnwritable(shown(&path.display().to_string()), error.to_string())
    }

    /// Whether the card, or the rule about it, said no; otherwise nothing could be asked of it.
    pub(crate) fn is_refusal(&self) -> bool {
        matches!(
            self,
            Self::NotMyNumberCard
                | Self::ApplicationAbsent
                | Self::CertificateAbsent(_)
                | Self::PinForm(_)
                | Self::PinWrong(..)
                | Self::LastTry(_)
                | Self::PinBlocked(_)
                | Self::Differ
                | Self::Expired(_)
                | Self::NotYetValid(_)
        )
    }

    /// What happened.
    pub(crate) fn what(&self, tr: Tr) -> String {
        self.text(tr, "what")
    }

    /// What to do next.
    pub(crate) fn next(&self, tr: Tr) -> String {
        self.text(tr, "next")
    }

    /// How its texts are named: `condition.<key>.what` and `.next`.
    pub(crate) fn key(&self) -> &'static str {
        match self {
            Self::NoService => "no_service",
            Self::NoReader => "no_reader",
            Self::NoCard => "no_card",
            Self::CardRemoved => "card_removed",
            Self::InUse => "in_use",
            Self::Unresponsive => "unresponsive",
            Self::Failed(_) => "failed",
            Self::NotMyNumberCard => "not_my_number_card",
            Self::ApplicationAbsent => "application_absent",
            Self::CertificateAbsent(CertificateKind::DigitalSignature) => "signature_absent",
            Self::CertificateAbsent(CertificateKind::UserAuthentication) => "authentication_absent",
            Self::PinForm(_) => "pin_form",
            Self::PinWrong(..) => "pin_wrong",
            Self::LastTry(_) => "last_try",
            Self::PinBlocked(_) => "pin_blocked",
            Self::Differ => "differ",
            Self::CardFault(_) => "card_fault",
            Self::Expired(_) => "expired",
            Self::NotYetValid(_) => "not_yet_valid",
            Self::NearRenewal(_) => "near_renewal",
            Self::NationUnreachable(_) => "nation_unreachable",
            Self::NationRefused(_) => "nation_refused",
            Self::NoSuchResident => "no_such_resident",
            Self::VpcdUnreachable(_) => "vpcd_unreachable",
            Self::FileUnreadable(..) => "file_unreadable",
            Self::FileUnwritable(..) => "file_unwritable",
            Self::NoInput => "no_input",
        }
    }

    fn text(&self, tr: Tr, part: &str) -> String {
        tr.with(&format!("condition.{}.{part}", self.key()), &self.values(tr))
    }

    fn values(&self, tr: Tr) -> Vec<(&'static str, String)> {
        match self {
            Self::PinForm(pin) | Self::LastTry(pin) | Self::PinBlocked(pin) => pin_values(tr, *pin),
            Self::PinWrong(pin, tries_left) => {
                let mut values = pin_values(tr, *pin);
                values.push(("tries_left", tries_left.to_string()));
                values
            }
            Self::Expired(date) | Self::NotYetValid(date) | Self::NearRenewal(date) => {
                vec![("date", date.to_string())]
            }
            Self::NationUnreachable(origin) => vec![("origin", shown(origin))],
            Self::VpcdUnreachable(port) => vec![("port", port.to_string())],
            Self::FileUnreadable(path, detail) | Self::FileUnwritable(path, detail) => {
                vec![("path", path.clone()), ("detail", shown(detail))]
            }
            Self::Failed(detail) | Self::CardFault(detail) | Self::NationRefused(detail) => {
                vec![("detail", shown(detail))]
            }
            _ => Vec::new(),
        }
    }
}

/// What the texts of a PIN are filled with: `{pin}`, `{form}`, `{unblock}`.
pub(crate) fn pin_values(tr: Tr, pin: PinReference) -> Vec<(&'static str, String)> {
    let name = match pin {
        PinReference::Authentication | PinReference::Signature | PinReference::TextAttributes => pin.as_str(),
        _ => "other",
    };
    [("pin", "name"), ("form", "form"), ("unblock", "unblock")]
        .map(|(value, key)| (value, tr.get(&format!("condition.pin.{name}.{key}")).to_owned()))
        .into()
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use musubi_card::StatusWord;
    use musubi_httpkit::page::Lang;

    use super::*;

    /// Every error that a card or its transport can give. A new one is listed here: [`Condition::from`] does not compile
    /// without it.
    fn errors() -> Vec<CardError> {
        let pin = PinReference::Signature;
        let mut errors: Vec<_> = [
            TransportError::NoService,
            TransportError::NoReader,
            TransportError::NoCard,
            TransportError::Removed,
            TransportError::InUse,
            TransportError::Unresponsive,
            TransportError::Failed("text".to_owned()),
        ]
        .map(CardError::Transport)
        .into();
        errors.extend([
            CardError::NotMyNumberCard,
            CardError::ApplicationAbsent,
            CardError::CertificateAbsent(CertificateKind::DigitalSignature),
            CardError::CertificateAbsent(CertificateKind::UserAuthentication),
            CardError::PinForm(pin),
            CardError::PinWrong { pin, tries_left: 2 },
            CardError::LastTry(pin),
            CardError::PinBlocked(pin),
            CardError::Unexpected { command: "VERIFY", status: StatusWord::SELF_DIAGNOSIS },
        ]);
        errors
    }

    fn conditions() -> Vec<Condition> {
        let date = Date::new(2030, 2, 17).unwrap();
        let mut all: Vec<_> = errors().into_iter().map(Condition::from).collect();
        all.extend([
            Condition::Expired(date),
            Condition::NotYetValid(date),
            Condition::NearRenewal(date),
            Condition::NationUnreachable("http://card.localhost:8080".to_owned()),
            Condition::NationRefused("500".to_owned()),
            Condition::NoSuchResident,
            Condition::VpcdUnreachable(35_963),
            Condition::FileUnreadable("a.pdf".to_owned(), "why".to_owned()),
            Condition::FileUnwritable("a.pdf".to_owned(), "why".to_owned()),
            Condition::NoInput,
            Condition::Differ,
        ]);
        all
    }

    #[test]
    fn every_condition_says_what_happened_and_what_to_do_next_in_both_languages() {
        assert!(TEXTS.lonely_keys().is_empty());
        for condition in conditions() {
            for lang in [Lang::Ja, Lang::En] {
                let (what, next) = (condition.what(TEXTS.tr(lang)), condition.next(TEXTS.tr(lang)));
                for text in [&what, &next] {
                    assert!(!text.contains(['{', '}']) && !text.contains("condition."), "{text}");
                    assert_eq!(text.is_ascii(), lang == Lang::En, "{text}");
                }
                assert_ne!(what, next);
            }
        }
    }

    #[test]
    fn no_two_conditions_read_the_same_and_no_text_is_left_over() {
        let used: BTreeSet<_> = conditions().iter().map(Condition::key).collect();
        let written: BTreeSet<_> =
            TEXTS.keys().filter_map(|key| key.strip_prefix("condition.")?.strip_suffix(".what")).collect();
        assert_eq!(used, written);
        let texts: BTreeSet<_> = conditions().iter().map(|c| c.what(TEXTS.tr(Lang::En))).collect();
        assert_eq!(texts.len(), conditions().len());
    }

    #[test]
    fn a_blocked_pin_says_where_to_go_and_what_the_other_pin_is_good_for() {
        let next = |pin| Condition::PinBlocked(pin).next(TEXTS.tr(Lang::En));
        assert!(next(PinReference::Authentication).contains("signing password"));
        assert!(next(PinReference::Signature).contains("user-authentication PIN"));
        assert!(!next(PinReference::TextAttributes).contains("convenience-store"));
        for pin in PinReference::ALL {
            assert!(next(pin).contains("municipality"), "{pin:?}");
        }
    }
}
