//! Building of paths (RFC 4158, RFC 5280 6.1): depth first from the certificate in question towards an anchor, with
//! backtracking, the most promising issuer first. Every step is verified before it is taken; no entity stands twice in
//! a path. Hands out one complete path after the other and judges none.

use std::rc::Rc;

use super::pool::{Issuer, Pool};
use super::session::Session;
use super::status::Exhausted;

/// Whether a certificate is signed under a key.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Edge {
    /// It is.
    Verified,
    /// The key or the algorithm is not in the table.
    Unverifiable,
    /// It is not.
    Bad,
}

/// Which steps are taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Follow {
    /// Those whose signature verifies.
    Verified,
    /// Any whose names fit: to tell what is wrong where no path verifies.
    Names,
}

/// A path to an anchor.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct FoundPath {
    /// Positions in the pool, the certificate in question first.
    pub(super) certificates: Vec<usize>,
    /// `None`: it ends below every anchor.
    pub(super) anchor: Option<usize>,
}

struct Frame {
    certificate: usize,
    issuers: Rc<[Issuer]>,
    /// The next of them.
    next: usize,
}

/// The search for the paths of one certificate.
pub(super) struct Paths {
    stack: Vec<Frame>,
    follow: Follow,
    /// The only anchor that counts, if one is given.
    anchor: Option<usize>,
    /// Whether a path was given up because of its length.
    pub(super) is_cut_short: bool,
    /// The longest way that was gone.
    pub(super) longest: Vec<usize>,
}

impl Paths {
    pub(super) fn of(
        certificate: usize,
        follow: Follow,
        anchor: Option<usize>,
        session: &mut Session<'_, '_>,
    ) -> Self {
        Self {
            stack: vec![Frame { certificate, issuers: session.issuers(certificate), next: 0 }],
            follow,
            anchor,
            is_cut_short: false,
            longest: vec![certificate],
        }
    }

    /// The next complete path.
    ///
    /// # Errors
    /// [`Exhausted`].
    pub(super) fn next(&mut self, session: &mut Session<'_, '_>) -> Result<Option<FoundPath>, Exhausted> {
        while let Some(frame) = self.stack.last_mut() {
            let child = frame.certificate;
            let Some(issuer) = frame.issuers.get(frame.next).copied() else {
                self.stack.pop();
                continue;
            };
            frame.next += 1;
            session.work.candidate()?;
            if !self.may_stand_above(issuer, session.pool) {
                continue;
            }
            if matches!(issuer, Issuer::Certificate(_)) && self.stack.len() >= session.max_path_length() {
                self.is_cut_short = true;
                continue;
            }
            if session.edge(child, issuer)? != Edge::Verified && self.follow == Follow::Verified {
                continue;
            }
            match issuer {
                Issuer::Anchor(anchor) => {
                    return Ok(Some(FoundPath { certificates: self.certificates(), anchor: Some(anchor) }));
                }
                Issuer::Certificate(position) => {
                    let issuers = session.issuers(position);
                    self.stack.push(Frame { certificate: position, issuers, next: 0 });
                    if self.stack.len() > self.longest.len() {
                        self.longest = self.certificates();
                    }
                }
            }
        }
        Ok(None)
    }

    fn certificates(&self) -> Vec<usize> {
        self.stack.iter().map(|frame| frame.certificate).collect()
    }

    /// Whether this entity is not yet in the path. An anchor may have the name and key of the certificate in question
    /// (which then is its own), but of no other.
    fn may_stand_above(&self, issuer: Issuer, pool: &Pool<'_>) -> bool {
        let Some(identity) = pool.identity(issuer) else { return false };
        let passed_over = match issuer {
            Issuer::Anchor(anchor) if self.anchor.is_some_and(|only| only != anchor) => return false,
            Issuer::Anchor(_) => 1,
            Issuer::Certificate(_) => 0,
        };
        self.stack.iter().skip(passed_over).all(|frame| {
            pool.identity(Issuer::Certificate(frame.certificate))
                .is_some_and(|other| !other.is_same_entity(identity))
        })
    }
}
