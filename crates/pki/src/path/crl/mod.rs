//! Revocation lists of any hierarchy (RFC 5280 5 and 6.3): complete and delta, direct and indirect, for all or some
//! certificates and reasons, of version 1 or 2; asked for now or for a past time. Fetches nothing: every list at hand
//! is looked at, those that `freshestCRL` would lead to among them.
//!
//! What took thought:
//! - A list counts if its period holds the time in question, or if it was issued later: then it tells what was so
//!   before. A list of which the period ended earlier, or that does not say when it ends (RFC 5280 5.1.2.5), is neither
//!   good nor revoked, even if it names the certificate: what it says may have been overtaken (EN 319 102-1 5.2.5).
//! - Revoked wins over good whatever the order of the lists. Only a hold can end (RFC 5280 5.3.1), and only by a newer
//!   list of the same scope that was issued by the time in question: one that was held then is not healed by a later
//!   release (as Regulation (EU) 910/2014, article 28 (5), has it: suspended is invalid for that time).
//! - An entry whose date is later than the time in question counts if its list was issued by that time: it is revoked
//!   already. In a later list it tells of a later revocation.
//! - Silence says nothing of a certificate that had expired when the list was issued, since entries are dropped then
//!   (RFC 5280 3.3), unless `expiredCertsOnCRL` says otherwise.

mod entries;
mod issuer;
mod list;
mod scope;
#[cfg(test)]
mod tests;

use musubi_crypto::PublicKey;
use musubi_kernel::UnixTime;

pub(crate) use list::List;

use self::entries::{Entry, Standing};
use self::list::Number;
use self::scope::{ALL_REASONS, Names, covered_reasons};
use super::extensions::ReasonFlags;
use super::status::{Authorities, Question, Status, Unusable};
use crate::judge::MAX_CLOCK_SKEW_SECONDS;
use crate::key::RevocationReason;

/// What the lists say of the certificate in question. Every list that covers it costs one signature verification or
/// more and one pass over its entries.
pub(crate) fn status<'a>(
    question: &Question<'_>,
    lists: &[List<'a>],
    authorities: &mut dyn Authorities<'a>,
) -> Status {
    let mut unused = Vec::new();
    let heard = heard(question, lists, authorities, &mut unused);
    let views = views(question, &heard, &mut unused);
    answer(question, &views, unused)
}

/// A list whose signature was verified.
struct Heard<'l, 'a> {
    list: &'l List<'a>,
    /// Of which reasons it speaks.
    reasons: ReasonFlags,
    signer: PublicKey,
    /// What it says of the certificate.
    entry: Option<Entry>,
}

/// The lists that speak of the certificate and that count; why the others do not goes to `unused`.
fn heard<'l, 'a>(
    question: &Question<'_>,
    lists: &'l [List<'a>],
    authorities: &mut dyn Authorities<'a>,
    unused: &mut Vec<Unusable>,
) -> Vec<Heard<'l, 'a>> {
    let mut names = Names::new();
    let mut covering = Vec::new();
    for list in lists {
        match covered_reasons(question.certificate, list, &mut names) {
            Ok(reasons) => covering.push((list, reasons)),
            Err(why) => unused.push(why),
        }
    }
    let mut out = Vec::new();
    for (list, reasons) in &covering {
        // A list that is out of its period may still be the base of a delta list that is not.
        let is_base =
            || covering.iter().any(|(delta, _)| updates(delta, list) && is_timely(delta, question).is_ok());
        let heard = is_timely(list, question)
            .or_else(|why| if is_base() { Ok(()) } else { Err(why) })
            .and_then(|()| issuer::signer_of(list, question, &mut names, authorities))
            .and_then(|signer| {
                let certificate = question.certificate;
                let entry = list.entry_of(certificate.issuer, certificate.serial)?;
                Ok(Heard { list, reasons: *reasons, signer, entry })
            });
        match heard {
            Ok(heard) => out.push(heard),
            Err(why) => unused.push(why),
        }
    }
    out
}

/// Whether the list can tell of the time in question: its period holds it or begins later.
fn is_timely(list: &List<'_>, question: &Question<'_>) -> Result<(), Unusable> {
    if list.this_update > question.judged_at.plus(MAX_CLOCK_SKEW_SECONDS) {
        return Err(Unusable::FromTheFuture);
    }
    let is_in_period = list.next_update.is_some_and(|next| question.control <= next);
    let age = question.control.since(list.this_update);
    let is_young = question.policy.max_revocation_age.is_none_or(|max| age <= max);
    if is_in_period && is_young { Ok(()) } else { Err(Unusable::Stale) }
}

/// Whether the delta list brings this complete list up to date (RFC 5280 5.2.4, 6.3.3 (c)). That both are signed with
/// one key is seen when their signatures are verified.
fn updates(delta: &List<'_>, complete: &List<'_>) -> bool {
    let (Some(base), Some(number)) = (delta.extensions.base, complete.extensions.number) else {
        return false;
    };
    !complete.is_delta()
        && have_one_scope(delta, complete)
        && delta.extensions.authority_key_id == complete.extensions.authority_key_id
        && base <= number
        && delta.extensions.number.is_some_and(|of_delta| number < of_delta)
        && complete.this_update <= delta.this_update
}

/// Whether both lists are one issuer's for the same certificates and reasons.
fn have_one_scope(a: &List<'_>, b: &List<'_>) -> bool {
    a.issuer == b.issuer && a.point_der() == b.point_der()
}

/// The state of one scope at one time: a complete list, one brought up to date by a delta list, or what a delta list
/// alone says.
struct View<'l, 'a> {
    /// The list that says when it was so: the delta list if there is one.
    list: &'l List<'a>,
    /// Of which reasons it says that the certificate is not revoked, if it does; none for a delta list alone.
    reasons: ReasonFlags,
    keeps_expired_since: Option<UnixTime>,
    revoked: Option<(UnixTime, RevocationReason)>,
}

fn views<'l, 'a>(
    question: &Question<'_>,
    heard: &[Heard<'l, 'a>],
    unused: &mut Vec<Unusable>,
) -> Vec<View<'l, 'a>> {
    let mut out = Vec::new();
    for this in heard {
        let said = match this.entry {
            Some(Entry { at, standing: Standing::Revoked(reason) }) => Some((at, reason)),
            _ => None,
        };
        let mut view = View {
            list: this.list,
            reasons: this.reasons,
            keeps_expired_since: this.list.extensions.keeps_expired_since,
            revoked: said,
        };
        if this.list.is_delta() {
            let base = heard
                .iter()
                .filter(|other| updates(this.list, other.list))
                .filter(|other| other.signer.spki_der() == this.signer.spki_der())
                .max_by_key(|other| other.list.extensions.number);
            if let Some(base) = base {
                view.reasons &= base.reasons;
                view.keeps_expired_since = base.list.extensions.keeps_expired_since;
                view.revoked = updated(base.entry, this.entry);
            } else {
                view.reasons = 0;
            }
            if view.reasons == 0 && view.revoked.is_none() {
                unused.push(Unusable::NotCovering);
                continue;
            }
        } else if is_timely(this.list, question).is_err() {
            // It was only heard for the sake of a delta list.
            continue;
        }
        out.push(view);
    }
    out
}

/// RFC 5280 6.3.3 (i) to (k): the delta list's word, then that of its base. `removeFromCRL` ends a hold and nothing
/// else (RFC 5280 5.3.1).
fn updated(base: Option<Entry>, delta: Option<Entry>) -> Option<(UnixTime, RevocationReason)> {
    let revoked = |entry: Option<Entry>| match entry {
        Some(Entry { at, standing: Standing::Revoked(reason) }) => Some((at, reason)),
        _ => None,
    };
    match delta {
        Some(Entry { standing: Standing::Removed, .. }) => {
            revoked(base).filter(|(_, reason)| *reason != RevocationReason::CertificateHold)
        }
        Some(_) => revoked(delta),
        None => revoked(base),
    }
}

impl<'a> View<'_, 'a> {
    /// In the order of time; lists of one second have an order by their numbers.
    fn order(&self) -> (UnixTime, Option<Number<'a>>) {
        (self.list.this_update, self.list.extensions.number)
    }

    /// Whether this was so by the time in question already, not only found out later.
    fn is_issued_by(&self, control: UnixTime) -> bool {
        self.list.this_update <= control
    }

    /// Since when and why the certificate was revoked or on hold at the time in question.
    fn revoked_by(&self, control: UnixTime) -> Option<(UnixTime, RevocationReason)> {
        self.revoked.filter(|(at, _)| *at <= control || self.is_issued_by(control))
    }

    /// For which reasons it says that the certificate was not revoked at the time in question.
    fn clears(&self, question: &Question<'_>, control: UnixTime) -> ReasonFlags {
        let not_after = question.certificate.not_after;
        let is_kept = not_after >= self.list.this_update
            || self.keeps_expired_since.is_some_and(|since| since <= not_after);
        let says_so = match self.revoked {
            None => is_kept,
            Some(_) => self.revoked_by(control).is_none(),
        };
        if says_so { self.reasons } else { 0 }
    }
}

fn answer(question: &Question<'_>, views: &[View<'_, '_>], mut unused: Vec<Unusable>) -> Status {
    // Clocks may disagree only about what is the present.
    let control = if question.control == question.judged_at {
        question.control.plus(MAX_CLOCK_SKEW_SECONDS)
    } else {
        question.control
    };
    let is_over = |held: &View<'_, '_>| {
        views.iter().any(|later| {
            let cleared = later.clears(question, control);
            later.order() > held.order()
                && later.is_issued_by(control)
                && later.revoked.is_none()
                && cleared != 0
                && held.reasons & !cleared == 0
                && have_one_scope(later.list, held.list)
        })
    };
    let revoked = views.iter().filter_map(|view| Some((view, view.revoked_by(control)?)));
    let is_hold = |reason| reason == RevocationReason::CertificateHold;
    let standing = revoked
        .filter(|(view, (_, reason))| !is_hold(*reason) || !is_over(view))
        .max_by_key(|(view, (_, reason))| (!is_hold(*reason), view.order()));
    // What was not looked at might be the release of a hold, or the revocation of what seems good.
    let is_complete = !unused.contains(&Unusable::TooMuchWork);
    if let Some((view, (at, reason))) = standing
        && (is_complete || !is_hold(reason))
    {
        return Status::Revoked { at, reason, evidence: view.list.sha256(), window: view.list.window() };
    }
    let cleared = views.iter().fold(0, |reasons, view| reasons | view.clears(question, control));
    let freshest =
        views.iter().filter(|view| view.clears(question, control) != 0).max_by_key(|view| view.order());
    match freshest {
        Some(view) if is_complete && cleared == ALL_REASONS => {
            return Status::Good { evidence: view.list.sha256(), window: view.list.window() };
        }
        Some(_) if cleared != ALL_REASONS => unused.push(Unusable::SomeReasonsOnly),
        Some(_) => {}
        None if views.is_empty() || !is_complete => {}
        // Silence about an expired certificate.
        None => unused.push(Unusable::NotCovering),
    }
    unused.sort_unstable();
    Status::Unknown(unused)
}
