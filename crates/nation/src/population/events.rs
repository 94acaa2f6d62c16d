//! What happens to people, and the traces that it leaves at the authorities. Each event has both: the **truth**, which
//! only the nation knows, and the **evidence**, which is all that a verifier ever sees.

use musubi_kernel::UnixTime;
use musubi_pki::RevocationReason;

use super::PerKind;
use crate::Text;

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

    /// What people call it.
    #[must_use]
    pub fn text(self) -> Text {
        let (ja, en) = match self {
            Self::Born => ("出生", "born"),
            Self::Arrived => ("国外からの転入", "moved to Japan"),
            Self::CardIssued => ("カードの交付", "card issued"),
            Self::NotHandedOver => ("交付前の破棄", "destroyed before hand-over"),
            Self::MovedWithin => ("転居（市区町村内）", "moved within the municipality"),
            Self::MovedBetween => ("転出・転入", "moved to another municipality"),
            Self::Married => ("婚姻による改姓", "name changed by marriage"),
            Self::Renamed => ("その他の改姓・改名", "name changed otherwise"),
            Self::RecordCorrected => ("記録の訂正", "record corrected"),
            Self::CertificatesIssuedLate => ("電子証明書の後日発行", "certificates issued later"),
            Self::Renewed => ("電子証明書の更新", "certificates renewed"),
            Self::CardRenewed => ("カードの更新", "card renewed"),
            Self::CardReplaced => ("破損による再交付", "damaged card replaced"),
            Self::Expired => ("更新されずに期限切れ", "expired without renewal"),
            Self::Lost => ("紛失", "card lost"),
            Self::Stolen => ("盗難", "card stolen"),
            Self::Leaked => ("暗証番号の漏えい", "PIN or key leaked"),
            Self::Returned => ("カードの返納", "card given back"),
            Self::LeftTheCountry => ("国外転出", "moved abroad"),
            Self::Died => ("死亡", "died"),
        };
        Text { ja, en }
    }

    /// What it means for a certificate that it revoked; `None` for what revokes nothing.
    #[must_use]
    pub fn meaning(self) -> Option<TrueMeaning> {
        match self {
            Self::MovedWithin
            | Self::MovedBetween
            | Self::Married
            | Self::Renamed
            | Self::RecordCorrected => Some(TrueMeaning::AttributesChanged),
            Self::Renewed | Self::CardRenewed | Self::CardReplaced => Some(TrueMeaning::Renewed),
            Self::NotHandedOver | Self::Returned | Self::LeftTheCountry | Self::Died => {
                Some(TrueMeaning::Ended)
            }
            Self::Lost | Self::Stolen | Self::Leaked => Some(TrueMeaning::HeldOrCompromised),
            Self::Born | Self::Arrived | Self::CardIssued | Self::CertificatesIssuedLate | Self::Expired => {
                None
            }
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
    /// One line of JSON with what happened, to whom and to which certificates, without a line end: the truth.
    #[must_use]
    pub fn truth_json(&self) -> String {
        serde_json::json!({
            "at": self.at,
            "happened_at": self.happened_at,
            "resident": self.resident,
            "happening": self.happening.as_str(),
            "meaning": self.happening.meaning().map(TrueMeaning::as_str),
            "ended": both(self.revoked.map(|_, one| one.map(|revoked| hex(revoked.serial).into()))),
        })
        .to_string()
    }

    /// One line of JSON with what the authorities recorded, without a line end: the evidence. `None` if it left no
    /// trace.
    #[must_use]
    pub fn evidence_json(&self) -> Option<String> {
        if self.revoked == PerKind::default() && self.issued == PerKind::default() {
            return None;
        }
        let revoked = |_, one: Option<Revoked>| {
            one.map(|r| serde_json::json!({ "serial": hex(r.serial), "reason": r.reason.as_str() }))
        };
        let issued = |_, one: Option<Issued>| {
            one.map(|i| {
                serde_json::json!({
                    "serial": hex(i.serial),
                    "predecessor": i.predecessor.map(hex),
                    "linked_from": i.linked_from,
                })
            })
        };
        let evidence = serde_json::json!({
            "at": self.at,
            "revoked": both(self.revoked.map(revoked)),
            "issued": both(self.issued.map(issued)),
        });
        Some(evidence.to_string())
    }
}

/// A serial number as the upstream API writes it: whole bytes.
fn hex(serial: u32) -> String {
    let text = format!("{serial:X}");
    if text.len() % 2 == 0 { text } else { format!("0{text}") }
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

    #[test]
    fn the_truth_says_what_happened_and_the_evidence_does_not() {
        let revoked = Revoked { serial: 0x1_2345, reason: RevocationReason::AffiliationChanged };
        let mut event = Event {
            at: UnixTime(1_775_012_400),
            happened_at: UnixTime(1_775_012_000),
            resident: 7,
            happening: Happening::Married,
            revoked: PerKind { digital_signature: Some(revoked), user_authentication: None },
            issued: PerKind::default(),
        };
        let truth = event.truth_json();
        assert!(
            truth.contains("\"married\"")
                && truth.contains("\"attributes_changed\"")
                && truth.contains("012345")
        );
        let evidence = event.evidence_json().unwrap();
        assert!(evidence.contains("\"affiliationChanged\"") && evidence.contains("012345"), "{evidence}");
        for secret in ["married", "attributes_changed", "resident", "happened"] {
            assert!(!evidence.contains(secret), "{evidence}");
        }
        event.revoked = PerKind::default();
        assert_eq!(event.evidence_json(), None);
    }
}
