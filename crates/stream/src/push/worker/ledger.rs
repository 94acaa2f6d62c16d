//! Notes what receivers answered, many answers in one transaction.
//!
//! Each run waits for its note before it sends the next entry; runs of other endpoints note beside it. One commit to disk
//! serves all who wait at that moment, so that the disk does not set the pace.

use std::collections::HashSet;

use musubi_kernel::UnixTime;
use musubi_platform::Context;
use musubi_store::{StoreError, Tx};
use tokio::sync::{mpsc, oneshot};
use tokio::task::JoinSet;

use super::super::service::{self, Failure};
use super::super::sql::{self as endpoints, Lease};
use super::super::{REJECTIONS, State};
use super::{lease_until, sql};

/// Most notes in one transaction.
const GROUP: usize = 256;

/// What a run learnt.
pub(super) enum Note {
    /// The receiver showed that the origin is its own.
    Verified,
    /// It has the entry.
    Accepted { sequence: u64 },
    /// It called the entry invalid.
    Rejected { sequence: u64, code: String },
    /// A dead letter was sent again: taken, or refused with a code.
    Redelivered { sequence: u64, code: Option<String> },
    /// It has the heartbeat, or does not want any.
    HeartbeatTold { lists: String, next: UnixTime },
    /// Nothing was taken; the run ends.
    Failed { code: String, retry_after: Option<u32>, of_entry: bool },
    /// The receiver is gone; the run ends.
    Gone,
    /// The run ends.
    Released { slow: bool },
}

/// What was noted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Noted {
    /// Go on.
    Held,
    /// Somebody else has the endpoint, or it was stopped: send nothing more.
    Over,
}

struct Entry {
    lease: Lease,
    note: Note,
    reply: oneshot::Sender<Noted>,
}

impl Entry {
    fn accepted(&self) -> Option<(&Lease, u64)> {
        match self.note {
            Note::Accepted { sequence } => Some((&self.lease, sequence)),
            _ => None,
        }
    }

    fn may_stop(&self) -> bool {
        matches!(self.note, Note::Rejected { .. } | Note::Failed { .. } | Note::Gone)
    }
}

/// The way to the one that writes.
pub(super) struct Ledger(mpsc::Sender<Entry>);

impl Ledger {
    pub(super) fn start(context: Context, writers: &mut JoinSet<()>) -> Self {
        let (sender, receiver) = mpsc::channel(GROUP);
        writers.spawn(write(context, receiver));
        Self(sender)
    }

    /// Notes, and answers when it is on disk. If that failed, the run is over: what it learnt is learnt again.
    pub(super) async fn note(&self, lease: &Lease, note: Note) -> Noted {
        let (reply, noted) = oneshot::channel();
        let entry = Entry { lease: lease.clone(), note, reply };
        if self.0.send(entry).await.is_err() {
            return Noted::Over;
        }
        noted.await.unwrap_or(Noted::Over)
    }
}

async fn write(context: Context, mut entries: mpsc::Receiver<Entry>) {
    let mut group = Vec::with_capacity(GROUP);
    while entries.recv_many(&mut group, GROUP).await > 0 {
        // Rows are locked in one order by every process; what may write to the audit log comes last, since all others wait
        // for that log's head.
        group.sort_by(|a, b| {
            (a.may_stop(), &a.lease.relying_party).cmp(&(b.may_stop(), &b.lease.relying_party))
        });
        match written(&context, &group).await {
            Ok(noted) => {
                for (entry, noted) in group.drain(..).zip(noted) {
                    // Who asked may be gone: its sender was stopped.
                    let _gone = entry.reply.send(noted);
                }
            }
            Err(error) => {
                tracing::warn!(%error, notes = group.len(), "answers of receivers were not noted");
                group.clear();
            }
        }
    }
}

async fn written(context: &Context, group: &[Entry]) -> Result<Vec<Noted>, StoreError> {
    let mut tx = context.db.begin().await?;
    let at = context.clock.now();
    let accepted: Vec<(&Lease, u64)> = group.iter().filter_map(Entry::accepted).collect();
    let mut held = HashSet::new();
    for some in accepted.chunks(sql::ACCEPTANCES) {
        held.extend(sql::accepted(&mut tx, some, (at, lease_until(at))).await?);
    }
    let mut noted = Vec::with_capacity(group.len());
    for entry in group {
        let lease = &entry.lease;
        noted.push(match entry.accepted() {
            Some(_) if held.contains(&lease.relying_party) => Noted::Held,
            Some(_) => Noted::Over,
            None => apply(&mut tx, context, lease, &entry.note).await?,
        });
    }
    tx.commit().await?;
    Ok(noted)
}

async fn apply(tx: &mut Tx, context: &Context, lease: &Lease, note: &Note) -> Result<Noted, StoreError> {
    let at = context.clock.now();
    let times = (at, lease_until(at));
    let held = match note {
        Note::Verified => sql::verified(tx, lease, at).await?,
        // Noted together, above.
        Note::Accepted { .. } => false,
        Note::Redelivered { sequence, code } => {
            sql::redelivered(tx, lease, *sequence, code.as_deref(), times).await?
        }
        Note::HeartbeatTold { lists, next } => sql::heartbeat_told(tx, lease, lists, *next, at).await?,
        Note::Rejected { sequence, code } => match sql::rejected(tx, lease, *sequence, code, times).await? {
            Some(rejected) if rejected < REJECTIONS => true,
            Some(_) => {
                service::stop(tx, context, lease, State::Paused, "rejected", at).await?;
                sql::release(tx, lease, None, None).await?;
                false
            }
            None => false,
        },
        Note::Failed { code, retry_after, of_entry } => {
            let failure = Failure { code, retry_after: *retry_after, of_entry: *of_entry };
            service::note_failure(tx, context, lease, failure, at).await?;
            over(tx, lease, None, at).await?
        }
        Note::Gone => {
            endpoints::failed(tx, lease, "gone", at, true, at).await?;
            service::stop(tx, context, lease, State::Disabled, "gone", at).await?;
            over(tx, lease, None, at).await?
        }
        Note::Released { slow } => over(tx, lease, Some(*slow), at).await?,
    };
    Ok(if held { Noted::Held } else { Noted::Over })
}

/// Ends a run: due again at once with `slow`, or as a failure has set it without.
async fn over(tx: &mut Tx, lease: &Lease, slow: Option<bool>, at: UnixTime) -> Result<bool, StoreError> {
    service::carry_over_counts(tx, &lease.relying_party, at).await?;
    sql::release(tx, lease, slow.map(|_| at), slow).await?;
    Ok(false)
}
