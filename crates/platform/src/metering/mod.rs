//! Metering: how often which work was done for a relying party, by purpose and day. Counts only; no person, no price.
//! What it costs is for whoever reads the counts to say, by a fee table.

mod sql;

use musubi_kernel::UnixTime;
use musubi_store::{Migration, StoreError, Tx};

use crate::RelyingPartyId;

pub(crate) const MIGRATION: Migration =
    Migration { name: "metering/0001_metering", sql: include_str!("migrations/0001_metering.sql") };

/// A kind of work. A published name keeps its meaning.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Item {
    /// The name in the database and in reports.
    pub name: &'static str,
    /// What it is, in Japanese.
    pub ja: &'static str,
    /// What it is, in English.
    pub en: &'static str,
}

macro_rules! items {
    ($($constant:ident = $name:literal, $ja:literal, $en:literal;)*) => {
        $(#[doc = $en] pub const $constant: Item = Item { name: $name, ja: $ja, en: $en };)*
        /// Every kind of work.
        pub const ITEMS: &[Item] = &[$($constant,)*];
    };
}

items! {
    SIGNATURE_CHECK_BY_LIST = "signature_check.list", "署名用電子証明書の検証（失効リスト）", "Checks of a digital-signature certificate by list";
    SIGNATURE_CHECK_BY_OCSP = "signature_check.ocsp", "署名用電子証明書の検証（OCSP）", "Checks of a digital-signature certificate by OCSP";
    AUTHENTICATION_CHECK_BY_LIST = "authentication_check.list", "利用者証明用電子証明書の検証（失効リスト）", "Checks of a user-authentication certificate by list";
    AUTHENTICATION_CHECK_BY_OCSP = "authentication_check.ocsp", "利用者証明用電子証明書の検証（OCSP）", "Checks of a user-authentication certificate by OCSP";
    CHANGE_CHECK = "change_check", "変更確認の照会", "Change checks that were asked for";
    CHANGE_EVENT = "change_event", "変更の通知", "Change events";
    CORRECTION = "correction", "訂正の通知", "Corrections";
    DELIVERY = "delivery", "配信（プッシュ）", "Deliveries by push";
    DELIVERY_ATTEMPT = "delivery_attempt", "配信の試行", "Attempts of delivery";
    LATEST_ATTRIBUTES = "latest_attributes", "最新の利用者情報（4情報）の提供", "Provisions of the latest attributes";
    REGISTRATION_LINE = "registration_line", "一括登録の行", "Lines of bulk registrations";
    OFFLINE_FILTER = "offline_filter", "オフライン検証データの提供", "Downloads of offline filters";
}

/// Counts `n` of `item`, done at `at` for `purpose` (empty if none was named).
///
/// # Errors
/// [`StoreError`].
pub async fn count(
    tx: &mut Tx,
    relying_party: &RelyingPartyId,
    purpose: &str,
    item: Item,
    n: i64,
    at: UnixTime,
) -> Result<(), StoreError> {
    sql::add(tx, relying_party, purpose, item, n, at.date_in_japan()).await
}
