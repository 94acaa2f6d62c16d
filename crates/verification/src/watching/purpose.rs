//! Purposes of watching (利用目的), and what each lets a relying party know. The platform tells no more than the purpose
//! needs: the words of a notification follow from here, and from nowhere else.

use crate::change_check::ChangeKind;

/// How much of a change is told.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Disclosure {
    /// The kind and the evidence (the list's reason).
    Evidence,
    /// The kind.
    Kind,
    /// That the certificate is no longer in force, not why.
    Fact,
    /// Nothing: there is no event.
    Nothing,
}

/// For what customers are watched.
#[derive(Debug, Clone, Copy)]
pub struct Purpose {
    /// The name in requests, events and reports.
    pub name: &'static str,
    /// What it is, in Japanese, as the resident reads it.
    pub ja: &'static str,
    /// What it is, in English.
    pub en: &'static str,
    /// What a change of this kind tells under it.
    pub tells: fn(ChangeKind) -> Disclosure,
}

/// Every purpose. A published name keeps its meaning.
pub const PURPOSES: &[Purpose] = &[
    Purpose {
        name: "contract_maintenance",
        ja: "契約の維持（住所などの変更、契約者の死亡などの確認）",
        en: "Keeping a contract up to date (change of address, death of the holder)",
        tells: |_| Disclosure::Evidence,
    },
    Purpose {
        name: "benefit_payment",
        ja: "給付の支払い（受給者の存否の確認）",
        en: "Payment of benefits (whether the recipient is still there)",
        tells: |kind| match kind {
            ChangeKind::AttributesChanged | ChangeKind::Renewed => Disclosure::Fact,
            ChangeKind::Ended | ChangeKind::HeldOrCompromised | ChangeKind::Undetermined => Disclosure::Kind,
        },
    },
    Purpose {
        name: "address_upkeep",
        ja: "住所などの最新化",
        en: "Keeping the address and other attributes up to date",
        tells: |kind| match kind {
            ChangeKind::AttributesChanged => Disclosure::Kind,
            _ => Disclosure::Nothing,
        },
    },
    Purpose {
        name: "credential_status",
        ja: "ログインに使う電子証明書の有効性の確認",
        en: "Whether the certificates used for signing in are in force",
        tells: |kind| match kind {
            ChangeKind::HeldOrCompromised => Disclosure::Kind,
            _ => Disclosure::Fact,
        },
    },
];

/// The purpose of this name.
#[must_use]
pub fn purpose(name: &str) -> Option<Purpose> {
    PURPOSES.iter().copied().find(|purpose| purpose.name == name)
}
