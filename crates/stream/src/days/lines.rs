//! The bytes of a daily file, page by page: whatever its length, one page of entries is in memory.

use std::io::Write as _;

use flate2::Compression;
use flate2::write::GzEncoder;
use musubi_platform::{RelyingPartyId, change_stream};
use musubi_store::{Db, StoreError};

use super::ClosedDay;

/// Entries in memory.
const PAGE: u32 = 500;
/// What a line has beside its token: two quotation marks and the end of the line.
const AROUND: u64 = 3;

/// A JSON text of one token: its characters need no escape.
fn line(token: &str) -> String {
    format!("\"{token}\"\n")
}

/// How many bytes the file has, as it is.
pub(super) fn length(day: &ClosedDay, statement: &str) -> u64 {
    let statement = u64::try_from(statement.len()).unwrap_or(u64::MAX);
    statement.saturating_add(day.size).saturating_add((day.entries() + 1).saturating_mul(AROUND))
}

/// How the bytes leave.
pub(super) enum Coding {
    /// As they are: from byte `skip` on, `take` of them.
    Identity {
        /// Left out at the beginning.
        skip: u64,
        /// Given after that.
        take: u64,
    },
    /// RFC 1952; always the whole.
    Gzip,
}

/// A file that is being read.
pub(super) struct Lines {
    db: Db,
    relying_party: RelyingPartyId,
    after: u64,
    last: u64,
    /// The first line, until it is given.
    statement: Option<String>,
    skip: u64,
    take: u64,
    gzip: Option<GzEncoder<Vec<u8>>>,
}

impl Lines {
    pub(super) fn new(
        db: Db,
        relying_party: RelyingPartyId,
        day: &ClosedDay,
        statement: String,
        coding: &Coding,
    ) -> Self {
        let (skip, take, gzip) = match coding {
            Coding::Identity { skip, take } => (*skip, *take, None),
            Coding::Gzip => (0, u64::MAX, Some(GzEncoder::new(Vec::new(), Compression::default()))),
        };
        Self {
            db,
            relying_party,
            after: day.before.sequence,
            last: day.last.sequence,
            statement: Some(statement),
            skip,
            take,
            gzip,
        }
    }

    /// The next bytes; `None` after the last. May be empty before that.
    pub(super) async fn next(&mut self) -> Result<Option<Vec<u8>>, StoreError> {
        if self.take == 0 {
            return Ok(None);
        }
        if let Some(statement) = self.statement.take() {
            return self.coded(line(&statement).into_bytes()).map(Some);
        }
        if self.after >= self.last {
            // The end of the compressed data, once.
            let rest = self.gzip.take().map(GzEncoder::finish).transpose();
            return rest.map_err(|_| StoreError::Corrupt("gzip"));
        }
        let mut tx = self.db.begin_read().await?;
        let page = change_stream::after(&mut tx, &self.relying_party, self.after, PAGE).await?;
        drop(tx);
        let mut bytes = Vec::new();
        for entry in page.iter().filter(|entry| entry.sequence <= self.last) {
            self.after = entry.sequence;
            bytes.extend_from_slice(line(&entry.token).as_bytes());
        }
        if bytes.is_empty() {
            return Err(StoreError::Corrupt("sequence"));
        }
        self.coded(bytes).map(Some)
    }

    fn coded(&mut self, bytes: Vec<u8>) -> Result<Vec<u8>, StoreError> {
        if let Some(gzip) = &mut self.gzip {
            gzip.write_all(&bytes).map_err(|_| StoreError::Corrupt("gzip"))?;
            return Ok(std::mem::take(gzip.get_mut()));
        }
        let length = u64::try_from(bytes.len()).unwrap_or(u64::MAX);
        let skipped = self.skip.min(length);
        self.skip -= skipped;
        let taken = self.take.min(length - skipped);
        self.take -= taken;
        let at = |number: u64| usize::try_from(number).unwrap_or(usize::MAX);
        Ok(bytes.into_iter().skip(at(skipped)).take(at(taken)).collect())
    }
}
