//! What happens to people, and the traces that it leaves at the authorities. Each event has both: the **truth**, which
//! only the nation knows, and the **evidence**, which is all that a verifier ever sees.

use musubi_kernel::UnixTime;
use musubi_pki::RevocationReason;

use super::PerKind;

/// What really happened to a person.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Happening {
    /// 出生.
    Born,
    /// 国外からの転入.
    Arrived,
    /// A first card, or one after a long time without: the certificates are new.
    CardIssued,
    /// Certificates that were made and destroyed before they were handed over.
    NotHandedOver,
    /// 転居: moved within the municipality.
    MovedWithin,
    /// 転入・転出: moved to another municipality.
    MovedBetween,
    /// 婚姻 with a change of name.
    Married,
    /// Another change of name.
    Renamed,
    /// The register was wrong and has been corrected.
    RecordCorrected,
    /// A visit for the signing certificate that was not issued when the attributes changed, or for certificates that
    /// had ended.
    CertificatesIssuedLate,
    /// 更新: certificates renewed on the same card.
    Renewed,
    /// A new card with new certificates, since the old one came to its end.
    CardRenewed,
    /// A new card with new certificates for a damaged one.
    CardReplaced,
    /// A certificate came to its end and was not renewed. Leaves no trace but its date.
    Expired,
    /// 紛失.
    Lost,
    /// 盗難.
    Stolen,
    /// 暗証番号・秘密鍵の漏えい.
    Leaked,
    /// 返納: the card was given back.
    Returned,
    /// 国外転出.
    LeftTheCountry,
    /// 死亡.
    Died,
}

/// What a happening means for a certificate that it ended: what an observer who knows everything would say.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum TrueMeaning {
    /// A name or address is another now.
    AttributesChanged,
    /// The same person has a newer certificate.
    Renewed,
    /// The certificate has come to its end, without another in its place.
    Ended,
    /// The card or its keys may be in other hands.
    HeldOrCompromised,
}

impl TrueMeaning {
    /// A stable name.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::AttributesChanged => "attributes_changed",
            Self::Renewed => "renewed",
            Self::Ended => "ended",
            Self::HeldOrCompromised => "held_or_compromised",
        }
    }
}

impl Happening {
    /// Every happening, in the order of their numbers.
    pub const ALL: [Self; 20] = [
        Self::Born,
        Self::Arrived,
        Self::CardIssued,
        Self::NotHandedOver,
        Self::MovedWithin,
        Self::MovedBetween,
        Self::Married,
        Self::Renamed,
        Self::RecordCorrected,
        Self::CertificatesIssuedLate,
        Self::Renewed,
        Self::CardRenewed,
        Self::CardReplaced,
        Self::Expired,
        Self::Lost,
        Self::Stolen,
        Self::Leaked,
        Self::Returned,
        Self::LeftTheCountry,
        Self::Died,
    ];

    /// Its place in [`Happening::ALL`].
    pub(super) fn number(self) -> u8 {
        self as u8
    }

    pub(super) fn numbered(number: u8) -> Option<Self> {
        Self::ALL.get(usize::from(number)).copied()
    }

    /// A stable name.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Born => "born",
            Self::Arrived => "arrived",
            Self::CardIssued => "card_issued",
            Self::NotHandedOver => "not_handed_over",
            Self::MovedWithin => "moved_within",
            Self::MovedBetween => "moved_between",
            Self::Married => "married",
            Self::Renamed => "renamed",
            Self::RecordCorrected => "record_corrected",
            Self::CertificatesIssuedLate => "certificates_issued_late",
            Self::Renewed => "renewed",
            Self::CardRenewed => "card_renewed",
            Self::CardReplaced => "card_replaced",
            Self::Expired => "expired",
            Self::Lost => "lost",
            Self::Stolen => "stolen",
            Self::Leaked => "leaked",
            Self::Returned => "returned",
            Self::LeftTheCountry => "left_the_country",
            Self::Died => "died",
        }
    }

    /// What it means for a certificate that it revoked; `None` for what revokes nothing.
    #[must_use]
    pub fn meaning(self) -> Option<TrueMeaning> {
        match self {
            Self::MovedWithin | Self::MovedBetween | Self::Married | Self::Renamed | Self::RecordCorrected => {
                Some(TrueMeaning::AttributesChanged)
            }
            Self::Renewed | Self::CardRenewed | Self::CardReplaced => Some(TrueMeaning::Renewed),
            Self::NotHandedOver | Self::Returned | Self::LeftTheCountry | Self::Died => {
                Some(TrueMeaning::Ended)
            }
            Self::Lost | Self::Stolen | Self::Leaked => Some(TrueMeaning::HeldOrCompromised),
            Self::Born | Self::Arrived | Self::CardIssued | Self::CertificatesIssuedLate | Self::Expired => None,
        }
    }

    /// The reason that the authority gives when it records everything as it should (facts §2.2, §2.3).
    pub(super) fn reason(self) -> RevocationReason {
        match self {
            Self::Stolen | Self::Leaked => RevocationReason::KeyCompromise,
            Self::Lost => RevocationReason::CertificateHold,
            _ => match self.meaning() {
                Some(TrueMeaning::AttributesChanged) => RevocationReason::AffiliationChanged,
                Some(TrueMeaning::Renewed) => RevocationReason::Superseded,
                _ if self == Self::NotHandedOver => RevocationReason::Unspecified,
                _ => RevocationReason::CessationOfOperation,
            },
        }
    }
}

fn both(of: PerKind<Option<serde_json::Value>>) -> serde_json::Value {
    serde_json::json!({
        "digital_signature": of.digital_signature,
        "user_authentication": of.user_authentication,
    })
}

/// A certificate was revoked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Revoked {
    /// Its serial number.
    pub serial: u32,
    /// The reason that the authority recorded. Not always the one that the truth would give.
    pub reason: RevocationReason,
}

/// A certificate was issued.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Issued {
    /// Its serial number.
    pub serial: u32,
    /// The same person's certificate before it, of the same authority.
    pub predecessor: Option<u32>,
    /// From when on the authority answers with it: succession, correspondence and latest attributes.
    pub linked_from: UnixTime,
}

/// What happened, and its traces.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Event {
    /// When the authority or the municipality recorded it: the time of the evidence.
    pub at: UnixTime,
    /// When it really happened; not after `at`.
    pub happened_at: UnixTime,
    /// To whom: the resident's number.
    pub resident: u32,
    /// What.
    pub happening: Happening,
    /// What was revoked.
    pub revoked: PerKind<Option<Revoked>>,
    /// What was issued.
    pub issued: PerKind<Option<Issued>>,
}

impl Event {
    /// One line of JSON with everything, without a line end.
    #[must_use]
    pub fn to_json(&self) -> String {
        let revoked = |revoked: Revoked| {
            serde_json::json!({ "serial": format!("{:X}", revoked.serial), "reason": revoked.reason.as_str() })
        };
        let issued = |issued: Issued| {
            serde_json::json!({
                "serial": format!("{:X}", issued.serial),
                "predecessor": issued.predecessor.map(|serial| format!("{serial:X}")),
                "linked_from": issued.linked_from,
            })
        };
        let gone = self.revoked.map(|_, one| one.map(revoked));
        let new = self.issued.map(|_, one| one.map(issued));
        serde_json::json!({
            "at": self.at,
            "happened_at": self.happened_at,
            "resident": self.resident,
            "happening": self.happening.as_str(),
            "meaning": self.happening.meaning().map(TrueMeaning::as_str),
            "revoked": both(gone),
            "issued": both(new),
        })
        .to_string()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_happening_has_its_number_and_a_name_of_its_own() {
        let mut names: Vec<&str> = Happening::ALL.iter().map(|h| h.as_str()).collect();
        for (number, happening) in (0..).zip(Happening::ALL) {
            assert_eq!(happening.number(), number);
            assert_eq!(Happening::numbered(number), Some(happening));
        }
        assert_eq!(Happening::numbered(20), None);
        names.sort_unstable();
        names.dedup();
        assert_eq!(names.len(), Happening::ALL.len());
    }
}
