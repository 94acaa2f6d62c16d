//! Change check: the bank reads what happened to its customers' certificates and takes in new attributes where
//! the customer consented. That nothing is missing is checked in `stream.rs`.

use musubi_feed::{CREDENTIAL_CHANGE, CREDENTIAL_COMPROMISE, Entry, ListInUse, Place};
use musubi_kernel::UnixTime;
use musubi_store::StoreError;

use super::model::{AttributesVersion, BankEvent, ChangeCursor, LatestState};
use super::service::{self, RETRY_SECONDS};
use super::stream::Trouble;
use super::{Bank, BankError, sql};
use crate::platform_client::{ChangeTold, LatestAttributes};

/// Events per question.
const PAGE: u32 = 100;
/// Questions per round: a long backlog does not keep the rest waiting.
const PAGES: u32 = 20;

/// How often it is written down that there was nothing new, in seconds: not every second's poll is worth a write.
const POLL_RECORD_SECONDS: i64 = 30;

/// What the account page shows of a customer.
pub(crate) struct CustomerFile {
    /// All versions, newest first; never empty for a customer.
    pub(crate) attributes: Vec<AttributesVersion>,
    /// Newest first.
    pub(crate) events: Vec<BankEvent>,
    pub(crate) cursor: ChangeCursor,
}

impl Bank {
    pub(crate) async fn customer_file(&self, customer_id: &str) -> Result<CustomerFile, BankError> {
        let mut tx = self.0.db.begin_read().await?;
        Ok(CustomerFile {
            attributes: sql::attributes(&mut tx, customer_id).await?,
            events: sql::events(&mut tx, customer_id).await?,
            cursor: sql::change_cursor(&mut tx).await?,
        })
    }

    /// Takes in the entries after the cursor, each once: events, place and cursor change in one transaction.
    pub(crate) async fn read_change_events(&self) -> Result<u64, BankError> {
        let mut taken = 0;
        for _ in 0..PAGES {
            let cursor = {
                let mut tx = self.0.db.begin_read().await?;
                sql::change_cursor(&mut tx).await?
            };
            if cursor.trouble == Some(Trouble::Stopped) {
                // Until a clerk decides: nothing that the platform says now is worth more than what it said before.
                return Ok(taken);
            }
            let before = self.place_or_start(cursor.place.clone());
            let page = self.0.platform.change_events(before.last().sequence, PAGE).await?;
            let now = self.0.clock.now();
            let checked = self.check_page(&page, before).await?;
            let oldest = oldest_list(&checked.place);
            let next = ChangeCursor {
                next: i64::try_from(checked.place.last().sequence).unwrap_or(i64::MAX),
                polled_at: Some(now),
                list_number: oldest.map(|list| list.number.to_string()),
                list_made_at: oldest.map(|list| UnixTime(list.this_update)),
                place: Some(checked.place.clone()),
                trouble: checked.trouble,
            };
            let news = next.next != cursor.next
                || next.list_number != cursor.list_number
                || next.trouble != cursor.trouble;
            if !news && cursor.polled_at.is_some_and(|at| now.since(at) < POLL_RECORD_SECONDS) {
                break;
            }
            let mut tx = self.0.db.begin().await?;
            if !sql::move_change_cursor(&mut tx, cursor.next, &next).await? {
                // Another process read the same page.
                return Ok(taken);
            }
            let mut read = 0;
            for entry in &checked.entries {
                if let Some((event, refines)) = self.on_file(entry, &next) {
                    read += sql::insert_event(&mut tx, &event).await?;
                    if let Some(refined) = refines {
                        sql::delete_event(&mut tx, refined, &event.customer_id).await?;
                    }
                }
            }
            tx.commit().await?;
            taken += read;
            if let Some(trouble) = checked.trouble {
                if cursor.trouble != Some(trouble) {
                    tracing::warn!(trouble = trouble.as_str(), "the change stream is not as it must be");
                }
                break;
            }
            if checked.entries.is_empty() {
                break;
            }
        }
        Ok(taken)
    }

    /// What an entry means to the bank, and the number of the event in whose place it stands. Entries of other types, and
    /// such that name no customer, are read and kept by nobody here.
    fn on_file(&self, entry: &Entry, cursor: &ChangeCursor) -> Option<(BankEvent, Option<i64>)> {
        let is_change =
            [CREDENTIAL_CHANGE.uri, CREDENTIAL_COMPROMISE.uri].contains(&entry.event.uri.as_str());
        if !is_change {
            return None;
        }
        let told: ChangeTold = serde_json::from_value(entry.event.body.clone().into()).ok()?;
        let available =
            told.change == "attributes_changed" && told.latest_attributes.as_deref() == Some("available");
        let evidence = told.evidence.and_then(|e| e.list_number).map(|number| number.to_string());
        let refines = told.refines.and_then(|number| i64::try_from(number).ok());
        let event = BankEvent {
            sequence: i64::try_from(entry.position.sequence).ok()?,
            customer_id: told.customer_id,
            kind: told.change,
            certificate_kind: told.certificate_kind,
            occurred_at: told.occurred_at,
            recorded_at: told.recorded_at,
            list_number: evidence.or_else(|| cursor.list_number.clone()),
            list_made_at: cursor.list_made_at,
            latest: if available { LatestState::Pending } else { LatestState::None },
            fetch_key: self.fresh_key(),
            attempts: 0,
        };
        Some((event, refines))
    }

    /// Asks for the latest attributes where an event says that there are some; answers how many came.
    pub(crate) async fn fetch_latest_attributes(&self) -> Result<u64, BankError> {
        let due = {
            let mut tx = self.0.db.begin_read().await?;
            sql::due_events(&mut tx, self.0.clock.now()).await?
        };
        // One answer serves all waiting events of a customer: the last of them asks.
        let mut received = 0;
        for (index, event) in due.iter().enumerate() {
            let later = due.iter().skip(index + 1).any(|other| other.customer_id == event.customer_id);
            if !later {
                received += u64::from(self.fetch_for(event).await?);
            }
        }
        Ok(received)
    }

    async fn fetch_for(&self, event: &BankEvent) -> Result<bool, BankError> {
        let now = self.0.clock.now();
        match self.0.platform.latest_attributes(&event.fetch_key, &event.customer_id).await {
            Ok(latest) => self.take_in(event, latest).await,
            // Neither a consent nor a link comes back by asking again.
            Err(error) if matches!(error.code(), Some("consent.none" | "link.unknown")) => {
                let mut tx = self.0.db.begin().await?;
                sql::events_answered(&mut tx, event, LatestState::Refused).await?;
                tx.commit().await?;
                Ok(false)
            }
            Err(error) => {
                // "None newer" is a matter of days (the new certificate is issued at the counter), the rest of seconds.
                let waits_long = error.code() == Some("latest_attributes.none_newer");
                let attempts = event.attempts + i64::from(waits_long);
                let pause = if waits_long { service::pause_after(event.attempts) } else { RETRY_SECONDS };
                let (key, _) = self.next_key(&event.fetch_key, &error);
                let mut tx = self.0.db.begin().await?;
                sql::event_waits(&mut tx, event.sequence, &key, attempts, now.plus(pause)).await?;
                tx.commit().await?;
                Ok(false)
            }
        }
    }

    async fn take_in(&self, event: &BankEvent, latest: LatestAttributes) -> Result<bool, BankError> {
        let mut tx = self.0.db.begin().await?;
        if sql::events_answered(&mut tx, event, LatestState::Received).await? == 0 {
            return Ok(false);
        }
        let known = sql::attributes(&mut tx, &event.customer_id).await?;
        let Some(current) = known.first() else { return Err(StoreError::Corrupt("bank_attributes").into()) };
        let attributes = service::updated(&current.attributes, latest.attributes);
        if attributes != current.attributes {
            let version = AttributesVersion {
                version: current.version + 1,
                attributes,
                as_of: latest.provided_at,
                event_sequence: Some(event.sequence),
            };
            sql::insert_attributes(&mut tx, &event.customer_id, &version).await?;
        }
        tx.commit().await?;
        Ok(true)
    }
}

/// Of the lists that the newest heartbeat names, the one that was made first.
fn oldest_list(place: &Place) -> Option<&ListInUse> {
    place.heard()?.lists.iter().min_by_key(|list| list.this_update)
}

/// Age of evidence made at `made` when it was used at `used`, in seconds; never negative.
pub(crate) fn age(made: UnixTime, used: UnixTime) -> i64 {
    used.since(made).max(0)
}
