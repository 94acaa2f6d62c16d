//! The work that one judgement may cost, counted (RFC 4158 and RFC 9618 both name the ways in which certificates can
//! make it explode). Counts, not clocks: the same evidence comes to the same end on any machine.

use musubi_crypto::{KeyStrength, PublicKey};

use super::status::Exhausted;
use crate::policy::Budget;

/// What a judgement cost, in the units of [`Budget`].
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct WorkDone {
    /// Signatures verified; one under an RSA key of more than 4096 bits counts as four.
    pub signature_checks: u32,
    /// Certificates and anchors looked at as issuers, each time that they were.
    pub candidates: u32,
    /// Nodes and edges of policy graphs, and comparisons of names with constraints.
    pub policy_and_name_steps: u32,
}

/// The one account of a judgement. Once exhausted it stays so.
#[derive(Debug)]
pub(crate) struct Work {
    budget: Budget,
    done: WorkDone,
    exhausted: bool,
}

impl Work {
    pub(crate) fn within(budget: Budget) -> Self {
        Self { budget, done: WorkDone::default(), exhausted: false }
    }

    pub(crate) fn done(&self) -> WorkDone {
        self.done
    }

    pub(crate) fn is_exhausted(&self) -> bool {
        self.exhausted
    }

    /// One verification of a signature under this key.
    pub(crate) fn signature(&mut self, key: &PublicKey) -> Result<(), Exhausted> {
        let is_large = matches!(key.strength(), KeyStrength::Rsa { bits, .. } if bits > 4096);
        self.signatures(if is_large { 4 } else { 1 })
    }

    /// Verifications of signatures under keys that are not known here.
    pub(crate) fn signatures(&mut self, count: u32) -> Result<(), Exhausted> {
        let within = self.budget.max_signature_checks;
        Self::count(&mut self.done.signature_checks, count, within, &mut self.exhausted)
    }

    /// One look at a certificate as an issuer.
    pub(crate) fn candidate(&mut self) -> Result<(), Exhausted> {
        let within = self.budget.max_candidates;
        Self::count(&mut self.done.candidates, 1, within, &mut self.exhausted)
    }

    /// Steps of policy processing or name constraints.
    pub(crate) fn steps(&mut self, count: usize) -> Result<(), Exhausted> {
        let count = u32::try_from(count).unwrap_or(u32::MAX);
        let within = self.budget.max_policy_and_name_steps;
        Self::count(&mut self.done.policy_and_name_steps, count, within, &mut self.exhausted)
    }

    fn count(done: &mut u32, more: u32, within: u32, exhausted: &mut bool) -> Result<(), Exhausted> {
        let after = done.saturating_add(more);
        if *exhausted || after > within {
            *exhausted = true;
            return Err(Exhausted);
        }
        *done = after;
        Ok(())
    }
}
