//! How the pages show residents, certificates and times.

use musubi_httpkit::page::{Lang, Tr};
use musubi_kernel::UnixTime;
use musubi_pki::{AuthorityKind, RevocationReason};

use crate::{CertState, CertView, Resident};

/// A resident to choose from.
pub(super) struct Choice {
    pub(super) id: String,
    pub(super) name: String,
    pub(super) municipality: &'static str,
    pub(super) note: &'static str,
}

impl Choice {
    pub(super) fn of(resident: &Resident, lang: Lang) -> Self {
        Self {
            id: resident.id.to_string(),
            name: display_name(resident, lang),
            municipality: resident.municipality.name,
            note: note(resident, lang),
        }
    }
}

/// A card as its holder sees it.
pub(super) struct CardRows {
    pub(super) id: String,
    pub(super) name: String,
    pub(super) address: String,
    pub(super) certificates: Vec<CertRow>,
    pub(super) pin_tries: u8,
    pub(super) password_tries: u8,
    pub(super) blocked: bool,
}

impl CardRows {
    pub(super) fn of(resident: &Resident, t: Tr) -> Self {
        let card = &resident.card;
        Self {
            id: resident.id.to_string(),
            name: display_name(resident, t.lang()),
            address: resident.address.clone(),
            certificates: vec![
                CertRow::of("signature", t.get("certificate.signature"), card.signature.as_ref(), t),
                CertRow::of(
                    "authentication",
                    t.get("certificate.authentication"),
                    card.authentication.as_ref(),
                    t,
                ),
            ],
            pin_tries: card.pin_tries,
            password_tries: card.password_tries,
            blocked: card.pin_tries == 0 || card.password_tries == 0,
        }
    }
}

/// A row of the table of certificates.
pub(super) struct CertRow {
    /// `signature` or `authentication`: part of the row's ids.
    pub(super) key: &'static str,
    pub(super) kind: &'static str,
    /// `None`: the card has no such certificate.
    pub(super) facts: Option<CertFacts>,
}

/// What the table says of a certificate.
pub(super) struct CertFacts {
    pub(super) serial: String,
    pub(super) from: String,
    pub(super) to: String,
    pub(super) state: &'static str,
    /// When and why it was revoked; else empty.
    pub(super) since: String,
    /// Class of the tag: `success` or `error`.
    pub(super) tone: &'static str,
}

impl CertRow {
    fn of(key: &'static str, kind: &'static str, view: Option<&CertView>, t: Tr) -> Self {
        Self { key, kind, facts: view.map(|view| CertFacts::of(view, t)) }
    }
}

impl CertFacts {
    fn of(view: &CertView, t: Tr) -> Self {
        let (state, tone, since) = match view.state {
            CertState::Good => (t.get("state.good"), "success", String::new()),
            CertState::Expired => (t.get("state.expired"), "error", String::new()),
            CertState::NotYetValid => (t.get("state.not_yet_valid"), "error", String::new()),
            CertState::Revoked { reason, at } => {
                let state = match reason {
                    RevocationReason::CertificateHold => t.get("state.held"),
                    _ => t.get("state.revoked"),
                };
                let values = [("at", moment(at, t.lang())), ("reason", reason_text(reason, t))];
                (state, "error", t.with("state.since", &values))
            }
        };
        Self {
            serial: view.serial.to_string(),
            from: moment(view.not_before, t.lang()),
            to: moment(view.not_after, t.lang()),
            state,
            since,
            tone,
        }
    }
}

/// The registered name; in English with its reading, which the identifier spells, as long as nobody renamed them.
pub(super) fn display_name(resident: &Resident, lang: Lang) -> String {
    match lang {
        Lang::En if !resident.kana.is_empty() => {
            format!("{} ({})", resident.name, reading(resident.id.as_str()))
        }
        _ => resident.name.clone(),
    }
}

fn reading(slug: &str) -> String {
    let capitalized = |part: &str| {
        let mut chars = part.chars();
        chars.next().map_or_else(String::new, |first| first.to_ascii_uppercase().to_string() + chars.as_str())
    };
    slug.split('-').map(capitalized).collect::<Vec<_>>().join(" ")
}

/// Why this resident is interesting.
pub(super) fn note(resident: &Resident, lang: Lang) -> &'static str {
    match lang {
        Lang::Ja => resident.note.ja,
        Lang::En => resident.note.en,
    }
}

/// The authority's name.
pub(super) fn authority_text(authority: AuthorityKind, t: Tr) -> &'static str {
    match authority {
        AuthorityKind::DigitalSignature => t.get("authority.digital_signature"),
        AuthorityKind::UserAuthentication => t.get("authority.user_authentication"),
    }
}

/// The reason as the standard names it, and what it means.
pub(super) fn reason_text(reason: RevocationReason, t: Tr) -> String {
    let meaning = match reason {
        RevocationReason::Unspecified => t.get("reason.unspecified"),
        RevocationReason::KeyCompromise => t.get("reason.key_compromise"),
        RevocationReason::AffiliationChanged => t.get("reason.affiliation_changed"),
        RevocationReason::Superseded => t.get("reason.superseded"),
        RevocationReason::CessationOfOperation => t.get("reason.cessation_of_operation"),
        RevocationReason::CertificateHold => t.get("reason.certificate_hold"),
        RevocationReason::CaCompromise
        | RevocationReason::PrivilegeWithdrawn
        | RevocationReason::AaCompromise => t.get("reason.other"),
    };
    t.with("reason.named", &[("reason", reason.as_str()), ("meaning", meaning)])
}

/// A time in Japan, to the minute.
pub(super) fn moment(at: UnixTime, lang: Lang) -> String {
    match lang {
        Lang::En => at.in_japan(),
        Lang::Ja => {
            let date = at.date_in_japan();
            let text = at.in_japan();
            let time = text.split_once(' ').map_or("", |(_, time)| time);
            format!("{}年{}月{}日 {time}", date.year(), date.month(), date.day())
        }
    }
}

#[cfg(test)]
mod tests {
    use musubi_httpkit::page::Lang;
    use musubi_kernel::UnixTime;

    use super::{moment, reading};

    #[test]
    fn times_are_shown_in_japan() {
        let at = UnixTime::parse_rfc3339("2026-11-20T15:04:05Z").unwrap();
        assert_eq!(moment(at, Lang::Ja), "2026年11月21日 00:04");
        assert_eq!(moment(at, Lang::En), "2026-11-21 00:04");
    }

    #[test]
    fn an_identifier_spells_its_reading() {
        assert_eq!(reading("aoki-misaki"), "Aoki Misaki");
    }
}
