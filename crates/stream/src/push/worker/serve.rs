//! One run: an endpoint's entries in order, one in flight, each noted before the next.

use std::sync::Arc;

use musubi_httpkit::outbound::OutboundUrl;
use musubi_kernel::UnixTime;
use musubi_platform::change_stream;
use musubi_store::StoreError;
use tokio::time::Instant;

use super::super::answer::Reply;
use super::super::sql::{Lease, Stored};
use super::super::wire::{self, Credentials};
use super::super::{OWNERSHIP_PATH, PushError, State, service};
use super::ledger::{Note, Noted};
use super::{PAGE, RUN, SLOW, Shared, sql};

/// How many dead letters one run sends again.
const REDELIVERIES: u32 = 50;

pub(super) struct Run {
    shared: Arc<Shared>,
    lease: Lease,
    stored: Stored,
    lists: Arc<str>,
    slow: bool,
}

/// How a run ends.
enum End {
    /// By itself: due again when there is something.
    Done,
    /// Noted already, or in other hands.
    Over,
}

/// Why a run ends with a failure that is not the receiver's.
enum Trouble {
    Store(StoreError),
    /// A stored entry, a secret or a header cannot be read.
    Unreadable,
}

impl From<StoreError> for Trouble {
    fn from(error: StoreError) -> Self {
        Self::Store(error)
    }
}

impl From<PushError> for Trouble {
    fn from(error: PushError) -> Self {
        match error {
            PushError::Store(error) => Self::Store(error),
            _ => Self::Unreadable,
        }
    }
}

impl From<wire::Unreadable> for Trouble {
    fn from(_: wire::Unreadable) -> Self {
        Self::Unreadable
    }
}

impl Run {
    pub(super) fn new(shared: Arc<Shared>, lease: Lease, stored: Stored, lists: Arc<str>) -> Self {
        Self { shared, lease, stored, lists, slow: false }
    }

    pub(super) async fn serve(mut self) {
        let note = match self.all().await {
            Ok(End::Over) => return,
            Ok(End::Done) => Note::Released { slow: self.slow },
            Err(Trouble::Store(error)) => {
                // The lease runs out by itself; with a database that does not answer there is nothing to note.
                tracing::warn!(%error, "entries could not be read for delivery");
                return;
            }
            Err(Trouble::Unreadable) => {
                tracing::error!(relying_party = %self.lease.relying_party, "an entry cannot be sent");
                Note::Failed { code: "unreadable".into(), retry_after: None, of_entry: true }
            }
        };
        self.shared.ledger.note(&self.lease, note).await;
    }

    async fn all(&mut self) -> Result<End, Trouble> {
        if self.stored.endpoint.state == State::Unverified && !self.owned().await {
            return Ok(End::Over);
        }
        let credentials = service::credentials(self.shared.streams.context(), &self.stored, self.now())?;
        if self.stored.redeliver > 0
            && let End::Over = self.dead_letters(&credentials).await?
        {
            return Ok(End::Over);
        }
        let mut budget = RUN;
        loop {
            let entries = self.page().await?;
            if entries.is_empty() {
                return self.heartbeat(&credentials).await;
            }
            for entry in entries {
                if budget == 0 || self.slow || *self.shared.stop.borrow() {
                    return Ok(End::Done);
                }
                budget -= 1;
                let note = match self.send(&entry.token, &credentials).await? {
                    Reply::Accepted => Note::Accepted { sequence: entry.sequence },
                    Reply::Rejected(code) => Note::Rejected { sequence: entry.sequence, code },
                    other => return Ok(self.failed(other, true).await),
                };
                if self.shared.ledger.note(&self.lease, note).await == Noted::Over {
                    return Ok(End::Over);
                }
                self.stored.delivered = entry.sequence;
            }
        }
    }

    fn now(&self) -> UnixTime {
        self.shared.streams.context().clock.now()
    }

    /// Asks the origin for the value that only who controls it can have put there. Nothing is delivered before.
    async fn owned(&self) -> bool {
        let outbound = &self.shared.outbound;
        let code = match OutboundUrl::parse(&self.stored.endpoint.url, outbound.reach()) {
            Err(_) => "url_refused".to_owned(),
            Ok(url) => match outbound.get(url.at_origin(OWNERSHIP_PATH).as_str()).await {
                Err(error) => error.code().to_owned(),
                Ok(answer) if answer.status != 200 => format!("status_{}", answer.status),
                Ok(answer) if shows(&answer.body, &self.stored.endpoint.challenge) => {
                    return self.shared.ledger.note(&self.lease, Note::Verified).await == Noted::Held;
                }
                Ok(_) => "ownership_not_shown".to_owned(),
            },
        };
        let note = Note::Failed { code, retry_after: None, of_entry: false };
        self.shared.ledger.note(&self.lease, note).await;
        false
    }

    async fn page(&self) -> Result<Vec<change_stream::StoredEntry>, StoreError> {
        let _permit = self.shared.readers.acquire().await;
        let mut tx = self.shared.streams.context().db.begin_read().await?;
        change_stream::after(&mut tx, &self.lease.relying_party, self.stored.delivered, PAGE).await
    }

    async fn send(&mut self, token: &str, credentials: &Credentials) -> Result<Reply, Trouble> {
        let message = wire::message(token, credentials, self.now())?;
        let began = Instant::now();
        let url = &self.stored.endpoint.url;
        let answer = self.shared.outbound.post(url, message.headers, message.body).await;
        self.slow |= began.elapsed() > SLOW;
        Ok(Reply::of(credentials.style, answer))
    }

    /// Notes a reply that ends the run.
    async fn failed(&self, reply: Reply, of_entry: bool) -> End {
        let note = match reply {
            Reply::Gone => Note::Gone,
            Reply::Later { code, retry_after } => Note::Failed { code, retry_after, of_entry },
            Reply::Accepted | Reply::Rejected(_) => return End::Done,
        };
        self.shared.ledger.note(&self.lease, note).await;
        End::Over
    }

    async fn dead_letters(&mut self, credentials: &Credentials) -> Result<End, Trouble> {
        let letters = {
            let _permit = self.shared.readers.acquire().await;
            let mut tx = self.shared.streams.context().db.begin_read().await?;
            sql::to_redeliver(&mut tx, &self.lease.relying_party, REDELIVERIES).await?
        };
        for (sequence, token) in letters {
            if *self.shared.stop.borrow() {
                break;
            }
            let code = match self.send(&token, credentials).await? {
                Reply::Accepted => None,
                Reply::Rejected(code) => Some(code),
                other => return Ok(self.failed(other, true).await),
            };
            let note = Note::Redelivered { sequence, code };
            if self.shared.ledger.note(&self.lease, note).await == Noted::Over {
                return Ok(End::Over);
            }
        }
        Ok(End::Done)
    }

    /// Tells that there was nothing else: when the lists have changed, and when the last time is long ago.
    async fn heartbeat(&mut self, credentials: &Credentials) -> Result<End, Trouble> {
        let at = self.now();
        if at < self.stored.heartbeat_at && *self.stored.lists_told == *self.lists {
            return Ok(End::Done);
        }
        let streams = self.shared.streams.clone();
        let (token, lists) = {
            let _permit = self.shared.readers.acquire().await;
            let mut tx = streams.context().db.begin_read().await?;
            let lists = streams.lists().lists(&mut tx).await?;
            let fingerprint = service::fingerprint(&lists);
            let (relying_party, delivered) = (&self.lease.relying_party, self.stored.delivered);
            let token =
                service::heartbeat(&mut tx, streams.context(), relying_party, delivered, lists, at).await?;
            (token, fingerprint)
        };
        // Entries have come meanwhile: they go first.
        let Some(token) = token else { return Ok(End::Done) };
        match self.send(&token, credentials).await? {
            // Who rejects a heartbeat does not want any: it is no entry, and nothing is lost.
            Reply::Accepted | Reply::Rejected(_) => {
                let next = at.plus(i64::from(self.stored.endpoint.heartbeat_seconds));
                self.shared.ledger.note(&self.lease, Note::HeartbeatTold { lists, next }).await;
                Ok(End::Done)
            }
            other => Ok(self.failed(other, false).await),
        }
    }
}

/// Whether a line of `body` is the value. Several relying parties may share one origin.
fn shows(body: &[u8], challenge: &str) -> bool {
    body.split(|b| *b == b'\n').any(|line| line.trim_ascii() == challenge.as_bytes())
}

#[cfg(test)]
mod tests {
    use super::shows;

    #[test]
    fn the_value_stands_on_a_line_of_its_own() {
        assert!(shows(b"musubi-receiver=a", "musubi-receiver=a"));
        assert!(shows(b"musubi-receiver=b\r\n musubi-receiver=a \r\n", "musubi-receiver=a"));
        for body in ["", "musubi-receiver=aa", "x musubi-receiver=a", "<p>musubi-receiver=a</p>"] {
            assert!(!shows(body.as_bytes(), "musubi-receiver=a"), "{body}");
        }
    }
}
