//! The stream of bytes of one request: cut into lines, read, and written batch by batch. While one batch is written, the
//! next one is read; more than that is never held.

use musubi_crypto::ResumableSha256;
use musubi_platform::relying_party::RelyingParty;
use musubi_store::StoreError;
use tokio::task::JoinHandle;

use super::lines::{Parser, Unreadable};
use super::write::{Batch, write};
use super::{
    BATCH_BYTES, BulkError, LINE_LIMIT, LINES, MAX_BYTES, Registration, RegistrationId, SIGNED_LINES, State,
    service,
};
use crate::Verification;
use crate::watching::matching::TagKey;

/// The taking-in of bytes from an offset on. Dropped, it leaves what is committed, and nothing else.
pub struct Intake {
    verification: Verification,
    relying_party: RelyingParty,
    /// As it will stand when the present batch is written; its counts are those of the last one that was.
    registration: Registration,
    parser: Parser,
    digest: ResumableSha256,
    batch: Batch,
    /// Where the last batch that was handed over began and ended.
    handed_over: u64,
    writing: Option<JoinHandle<Result<Registration, BulkError>>>,
    limit: u64,
}

impl std::fmt::Debug for Intake {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Intake").field("received", &self.registration.received).finish_non_exhaustive()
    }
}

impl Intake {
    /// Takes up a registration at `offset`, which must be where it stands.
    ///
    /// # Errors
    /// [`BulkError::Unknown`], [`BulkError::Ended`], [`BulkError::Offset`].
    pub async fn open(
        verification: &Verification,
        relying_party: &RelyingParty,
        id: &RegistrationId,
        offset: u64,
    ) -> Result<Self, BulkError> {
        let context = verification.context();
        let registration = {
            let mut tx = context.db.begin_read().await?;
            service::find(&mut tx, &relying_party.id, id).await?
        };
        if registration.state != State::Open || context.clock.now() >= registration.expires_at {
            return Err(BulkError::Ended);
        }
        if registration.received != offset {
            return Err(BulkError::Offset { expected: registration.received });
        }
        let parser = Parser::new(
            registration.format,
            relying_party.id.clone(),
            TagKey::derive(&context.pairwise_secret),
            registration.header.as_deref(),
        );
        let digest = ResumableSha256::resume(&registration.digest).ok_or(StoreError::Corrupt("digest"))?;
        Ok(Self {
            verification: verification.clone(),
            relying_party: relying_party.clone(),
            parser,
            digest,
            batch: Batch::default(),
            handed_over: offset,
            writing: None,
            limit: registration.announced.bytes.unwrap_or(MAX_BYTES),
            registration,
        })
    }

    /// Whether the file cannot be read on: then nothing more is taken.
    #[must_use]
    pub fn has_failed(&self) -> bool {
        self.registration.state != State::Open
    }

    /// Takes note of the length that a request states.
    ///
    /// # Errors
    /// [`BulkError::Length`] if it is not the one that was announced, or more than any file may have.
    pub fn announced_as(&mut self, length: u64) -> Result<(), BulkError> {
        if length > MAX_BYTES || self.registration.announced.bytes.is_some_and(|bytes| bytes != length) {
            return Err(BulkError::Length);
        }
        self.limit = length;
        Ok(())
    }

    /// Takes in the next bytes.
    ///
    /// # Errors
    /// [`BulkError::Length`] if they are more than announced: none of them is taken. Otherwise [`BulkError`] of an earlier
    /// batch.
    pub async fn take(&mut self, bytes: &[u8]) -> Result<(), BulkError> {
        let length = u64::try_from(bytes.len()).unwrap_or(u64::MAX);
        if self.registration.received.saturating_add(length) > self.limit {
            return Err(BulkError::Length);
        }
        let mut rest = bytes;
        while !self.has_failed() {
            let Some(end) = rest.iter().position(|byte| *byte == b'\n') else { break };
            let Some((line, after)) = rest.split_at_checked(end + 1) else { break };
            rest = after;
            self.consume(line);
            if self.registration.tail.is_empty() {
                self.line(line);
            } else {
                let mut whole = std::mem::take(&mut self.registration.tail);
                whole.extend_from_slice(line);
                self.line(&whole);
            }
            let full = self.batch.lines() >= LINES
                || self.batch.bytes >= BATCH_BYTES
                || self.batch.applications.len() >= SIGNED_LINES;
            if full {
                self.hand_over().await?;
            }
        }
        if !self.has_failed() {
            self.consume(rest);
            self.registration.tail.extend_from_slice(rest);
            if self.registration.tail.len() > LINE_LIMIT {
                self.fail("line.too_long");
            }
        }
        Ok(())
    }

    /// Writes what was taken, the beginning of a line too; answers where the registration stands.
    ///
    /// # Errors
    /// [`BulkError`].
    pub async fn pause(mut self) -> Result<Registration, BulkError> {
        if self.handed_over != self.registration.received || self.has_failed() {
            self.hand_over().await?;
        }
        self.written().await?;
        Ok(self.registration)
    }

    /// The file has ended: takes the last line, if it has no end, and compares with what was announced.
    ///
    /// # Errors
    /// [`BulkError`].
    pub async fn finish(mut self) -> Result<Registration, BulkError> {
        if !self.has_failed() && !self.registration.tail.is_empty() {
            let line = std::mem::take(&mut self.registration.tail);
            self.line(&line);
        }
        if !self.has_failed() {
            let announced = self.registration.announced.clone();
            let differs = [
                (announced.bytes.is_some_and(|bytes| bytes != self.registration.received), "bytes.differ"),
                (announced.lines.is_some_and(|lines| lines != self.registration.lines), "lines.differ"),
                (
                    announced.sha256.is_some_and(|sha256| sha256 != self.digest.clone().finish()),
                    "sha256.differs",
                ),
            ];
            self.registration.state = State::Complete;
            if let Some((_, why)) = differs.into_iter().find(|(differs, _)| *differs) {
                self.registration.state = State::Differs;
                self.registration.ended_why = Some(why.to_owned());
            }
        }
        self.hand_over().await?;
        self.written().await?;
        Ok(self.registration)
    }

    fn consume(&mut self, bytes: &[u8]) {
        self.digest.update(bytes);
        self.registration.received += u64::try_from(bytes.len()).unwrap_or(u64::MAX);
    }

    fn line(&mut self, bytes: &[u8]) {
        if bytes.len() > LINE_LIMIT {
            self.fail("line.too_long");
            return;
        }
        self.registration.lines += 1;
        let number = self.registration.lines;
        match self.parser.line(number, bytes) {
            Ok(Some(line)) => self.batch.push(number, line, bytes.len()),
            Ok(None) => {}
            Err(Unreadable(why)) => self.fail(why),
        }
    }

    fn fail(&mut self, why: &'static str) {
        self.registration.state = State::Failed;
        self.registration.ended_why = Some(why.to_owned());
        self.registration.tail = Vec::new();
    }

    /// Waits for the batch before, and has this one written.
    async fn hand_over(&mut self) -> Result<(), BulkError> {
        self.written().await?;
        self.registration.header = self.parser.header();
        self.registration.digest = self.digest.state();
        let (verification, relying_party) = (self.verification.clone(), self.relying_party.clone());
        let (next, batch) = (self.registration.clone(), std::mem::take(&mut self.batch));
        let from = std::mem::replace(&mut self.handed_over, next.received);
        self.writing =
            Some(tokio::spawn(async move { write(&verification, &relying_party, from, next, batch).await }));
        Ok(())
    }

    async fn written(&mut self) -> Result<(), BulkError> {
        let Some(writing) = self.writing.take() else { return Ok(()) };
        // A write that panicked, or a process that ends.
        let written = writing.await.map_err(|error| BulkError::Interrupted(error.to_string()))??;
        let Registration { counts, first_at, updated_at, ended_at, .. } = written;
        self.registration.counts = counts;
        self.registration.first_at = first_at;
        self.registration.updated_at = updated_at;
        self.registration.ended_at = ended_at;
        Ok(())
    }
}
