//! What is being taken in at this moment, for the operator's eye. Lives in this process alone.

use std::collections::VecDeque;
use std::sync::{Mutex, PoisonError};

use musubi_kernel::UnixTime;
use musubi_pki::AuthorityKind;

/// Ended imports that are remembered.
const REMEMBERED: usize = 64;

/// What an import is at.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Step {
    /// The list is being fetched.
    Fetching,
    /// Its signature and entries are being read.
    Reading,
    /// It is being stored.
    Storing,
    /// It is in use; what follows from it is being written into the change stream.
    Following,
    /// All of it is done.
    Done,
    /// It ended without a list; the text is an error's, without anybody's data.
    Failed,
}

/// One import.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Import {
    /// Whose list.
    pub authority: AuthorityKind,
    /// Key identifier of the issuing generation.
    pub key_id: String,
    /// CRLNumber, as announced.
    pub number: u64,
    /// When it began.
    pub started_at: UnixTime,
    /// What it is at.
    pub step: Step,
    /// Bytes (or, while following, certificates) done.
    pub done: u64,
    /// Of how many, as far as it is known.
    pub total: Option<u64>,
    /// Why it failed.
    pub failure: Option<String>,
}

/// The imports of this process, the newest last.
#[derive(Debug, Default)]
pub struct Imports(Mutex<VecDeque<Import>>);

/// One import's place in the list.
#[derive(Debug, Clone, Copy)]
pub(super) struct Ticket(UnixTime, u64, AuthorityKind);

impl Imports {
    /// All that are remembered, the newest last.
    #[must_use]
    pub fn all(&self) -> Vec<Import> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).iter().cloned().collect()
    }

    pub(super) fn begin(&self, import: Import) -> Ticket {
        let ticket = Ticket(import.started_at, import.number, import.authority);
        let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if all.len() >= REMEMBERED {
            all.pop_front();
        }
        all.push_back(import);
        ticket
    }

    pub(super) fn tell(&self, ticket: Ticket, step: Step, done: u64, total: Option<u64>) {
        self.change(ticket, |import| {
            import.step = step;
            import.done = done;
            import.total = total.or(import.total.filter(|_| step == import.step));
        });
    }

    /// Tells how many certificates were looked through of what follows from a list.
    pub(super) fn follow(&self, authority: AuthorityKind, number: u64, step: Step, done: u64) {
        let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let found =
            all.iter_mut().rev().find(|import| import.number == number && import.authority == authority);
        if let Some(import) = found.filter(|import| import.step != Step::Failed) {
            (import.step, import.done, import.total) = (step, done, None);
        }
    }

    pub(super) fn fail(&self, ticket: Ticket, failure: String) {
        self.change(ticket, |import| {
            import.step = Step::Failed;
            import.failure = Some(failure);
        });
    }

    fn change(&self, ticket: Ticket, change: impl FnOnce(&mut Import)) {
        let Ticket(started_at, number, authority) = ticket;
        let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let found = all.iter_mut().rev().find(|import| {
            import.started_at == started_at && import.number == number && import.authority == authority
        });
        if let Some(import) = found {
            change(import);
        }
    }
}
