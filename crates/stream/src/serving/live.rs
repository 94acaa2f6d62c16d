//! What goes down one live connection: the entries after a number as they come, and heartbeats between them.
//!
//! ```text
//!  database ──page──► task ──bounded queue──► connection
//!     ▲                │ queue full for too long: the task ends, and the connection after what is in the queue
//!     └── woken by the hub's one look, or by the time of the next heartbeat
//! ```

use musubi_platform::{RelyingPartyId, change_stream};
use musubi_store::StoreError;
use tokio::sync::mpsc;
use tokio::time::Instant;

use crate::Streams;

/// Frames between the task and the connection: with entries of a kilobyte, some ten kilobytes for a slow reader.
const QUEUE: usize = 32;
/// Entries that are read at once.
const PAGE: u32 = 100;

/// One event of the connection.
#[derive(Debug)]
pub(crate) enum Frame {
    /// An entry.
    Entry {
        /// Its number.
        sequence: u64,
        /// Its bytes.
        token: String,
    },
    /// A heartbeat's bytes.
    Heartbeat(String),
}

/// Sends what comes after number `after` until the reader is gone or too slow, the connection's time is over, or the
/// process ends.
pub(crate) fn follow(streams: Streams, relying_party: RelyingPartyId, after: u64) -> mpsc::Receiver<Frame> {
    let (sender, receiver) = mpsc::channel(QUEUE);
    let sending = streams.begin_sending();
    tokio::spawn(async move {
        let _sending = sending;
        let work = run(&streams, &relying_party, after, &sender);
        tokio::select! {
            done = tokio::time::timeout(streams.pace.longest_connection, work) => {
                if let Ok(Err(error)) = done {
                    tracing::warn!(%error, "a live connection ended");
                }
            }
            () = streams.closing() => {}
        }
    });
    receiver
}

/// Ends without an error when the reader is gone or too slow.
async fn run(
    streams: &Streams,
    relying_party: &RelyingPartyId,
    mut after: u64,
    sender: &mpsc::Sender<Frame>,
) -> Result<(), StoreError> {
    let context = streams.context();
    // The first one comes as soon as the reader has everything: it then knows that it has.
    let mut beat_at = Instant::now();
    loop {
        // Before the transaction sees anything: what comes after this instant is not denied.
        let at = context.clock.now();
        let mut tx = context.db.begin_read().await?;
        let entries = change_stream::after(&mut tx, relying_party, after, PAGE).await?;
        let more = u32::try_from(entries.len()).is_ok_and(|length| length == PAGE);
        let due = !more && Instant::now() >= beat_at;
        let heartbeat = if due { Some(streams.heartbeat(&mut tx, relying_party, at).await?) } else { None };
        // A slow reader must not hold a connection to the database.
        drop(tx);
        let entries = entries.into_iter().map(|entry| {
            after = entry.sequence;
            Frame::Entry { sequence: entry.sequence, token: entry.token }
        });
        for frame in entries.chain(heartbeat.map(Frame::Heartbeat)) {
            if sender.send_timeout(frame, streams.pace.slow_after).await.is_err() {
                return Ok(());
            }
        }
        if due {
            beat_at = Instant::now() + streams.pace.heartbeat_every;
        }
        if !more {
            let pause = beat_at.saturating_duration_since(Instant::now());
            tokio::select! {
                _ = streams.wait_for_entry(relying_party, after, pause) => {}
                () = sender.closed() => return Ok(()),
            }
        }
    }
}
