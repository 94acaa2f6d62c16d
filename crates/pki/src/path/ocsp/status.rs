//! The status of one certificate at one time out of responses (RFC 6960 2.2, 2.4, 3.2, 4.2.2.1; freshness as
//! EN 319 102-1 5.2.5 has it). Only what is signed, authorised and in its period is an answer; the rest is unknown,
//! never good and never revoked.

use musubi_crypto::{DigestAlgorithm, Sha256Digest};
use musubi_kernel::UnixTime;

use super::responder::authenticate;
use super::response::{CertId, CertStatus, Response, SingleResponse};
use crate::judge::MAX_CLOCK_SKEW_SECONDS;
use crate::key::RevocationReason;
use crate::path::status::{Authorities, Question, Status, Unusable, Window};

/// An answer that counts.
#[derive(Debug, Clone, Copy)]
struct Answer {
    /// Since when and why revoked, if at the time in question.
    revoked: Option<(UnixTime, RevocationReason)>,
    window: Window,
    evidence: Sha256Digest,
}

/// What the responses say about the certificate.
///
/// If they disagree: a revocation stands, since only a hold can be lifted; a hold stands unless what was known later,
/// but not later than the time in question, says that it was lifted. Of what remains the newest is named.
pub(crate) fn status<'a>(
    question: &Question<'_>,
    responses: &[Response<'a>],
    authorities: &mut dyn Authorities<'a>,
) -> Status {
    if responses.is_empty() {
        return Status::Unknown(Vec::new());
    }
    let ids = Ids::of(question);
    let mut answers = Vec::new();
    let mut unusable = Vec::new();
    for response in responses {
        let mut covering = response.answers.iter().filter(|answer| ids.are(&answer.id)).peekable();
        if covering.peek().is_none() {
            unusable.push(Unusable::NotCovering);
            continue;
        }
        if let Err(why) = authenticate(response, question, authorities) {
            unusable.push(why);
            continue;
        }
        for answer in covering {
            match judge(answer, response, question) {
                Ok(answer) => answers.push(answer),
                Err(why) => unusable.push(why),
            }
        }
    }
    // What was not looked at might revoke what seems good, or lift a hold.
    let is_complete = !unusable.contains(&Unusable::TooMuchWork);
    match decisive(&answers, question) {
        Some(Answer { revoked: Some((at, reason)), window, evidence })
            if is_complete || reason != RevocationReason::CertificateHold =>
        {
            Status::Revoked { at, reason, evidence, window }
        }
        Some(Answer { revoked: None, window, evidence }) if is_complete => Status::Good { evidence, window },
        _ => {
            unusable.sort_unstable();
            Status::Unknown(unusable)
        }
    }
}

/// The hashes by which a `CertID` names the certificate in question, each computed once.
struct Ids<'a> {
    serial: &'a [u8],
    hashes: [(DigestAlgorithm, musubi_crypto::Digest, musubi_crypto::Digest); 4],
}

impl<'a> Ids<'a> {
    fn of(question: &Question<'a>) -> Self {
        use DigestAlgorithm::{Sha1, Sha256, Sha384, Sha512};
        // RFC 6960 4.1.1: over the issuer's name as the certificate has it, and over the key without tag and unused
        // bits. SHA-1 names here, it does not protect.
        let hashes = [Sha1, Sha256, Sha384, Sha512].map(|algorithm| {
            let digest = |bytes: &[u8]| algorithm.digest(&[bytes]);
            (algorithm, digest(question.certificate.issuer), digest(question.issuer.key_bits))
        });
        Self { serial: question.certificate.serial, hashes }
    }

    fn are(&self, id: &CertId<'_>) -> bool {
        id.serial == self.serial
            && self.hashes.iter().any(|(algorithm, name, key)| {
                id.digest == Ok(*algorithm)
                    && id.issuer_name_hash == name.as_ref()
                    && id.issuer_key_hash == key.as_ref()
            })
    }
}

/// What one answer of an authentic response means for the time in question.
fn judge(
    answer: &SingleResponse<'_>,
    response: &Response<'_>,
    question: &Question<'_>,
) -> Result<Answer, Unusable> {
    if answer.has_unknown_critical {
        return Err(Unusable::UnknownCritical);
    }
    check_window(answer.window, response.produced_at, question)?;
    let used = |revoked| Answer { revoked, window: answer.window, evidence: response.sha256 };
    match answer.status {
        CertStatus::Unknown => Err(Unusable::SaysUnknown),
        CertStatus::Good => covers_expired(answer, question).map(|()| used(None)),
        CertStatus::Revoked { at, reason } => {
            // Asked for now, or for a time not before what the responder knew, revoked means revoked, even if the
            // responder's clock is ahead or the date is one to come: nothing else may then make it good.
            let is_past =
                question.control < question.judged_at && question.control < answer.window.this_update;
            if !is_past || at <= question.control {
                Ok(used(Some((at, reason))))
            } else if at > response.produced_at.plus(MAX_CLOCK_SKEW_SECONDS) {
                Err(Unusable::Malformed)
            } else {
                // It became so later.
                Ok(used(None))
            }
        }
    }
}

/// Whether the answer's period fits the time in question.
fn check_window(window: Window, produced_at: UnixTime, question: &Question<'_>) -> Result<(), Unusable> {
    let Window { this_update, next_update } = window;
    if this_update > produced_at.plus(MAX_CLOCK_SKEW_SECONDS)
        || next_update.is_some_and(|next| next < this_update)
    {
        return Err(Unusable::Malformed);
    }
    let now = question.judged_at.plus(MAX_CLOCK_SKEW_SECONDS);
    if this_update > now || produced_at > now {
        return Err(Unusable::FromTheFuture);
    }
    // Issued after the time in question, it knows all that happened until then, whatever its end.
    if this_update > question.control {
        return Ok(());
    }
    let age = question.control.since(this_update);
    let is_young = question.policy.max_revocation_age.map(|most| age <= most);
    let is_within = next_update.map(|next| question.control <= next);
    // Without nextUpdate newer information is there all the time (RFC 6960 2.4; RFC 5019 2.2.4 demands one): only a
    // policy can say how old is new enough.
    match (is_within, is_young) {
        (Some(true), None | Some(true)) | (None, Some(true)) => Ok(()),
        _ => Err(Unusable::Stale),
    }
}

/// Whether good means anything: of a certificate that had expired before, a responder may have forgotten the
/// revocation, unless it says to keep those (RFC 6960 4.4.4).
fn covers_expired(answer: &SingleResponse<'_>, question: &Question<'_>) -> Result<(), Unusable> {
    let expiry = question.certificate.not_after;
    let is_kept = answer.archive_cutoff.is_some_and(|cutoff| cutoff <= expiry);
    if answer.window.this_update <= expiry || is_kept { Ok(()) } else { Err(Unusable::NotCovering) }
}

/// The answer that decides.
fn decisive(answers: &[Answer], question: &Question<'_>) -> Option<Answer> {
    let known_at = |answer: &&Answer| answer.window.this_update;
    let lifted_at = answers
        .iter()
        .filter(|answer| answer.revoked.is_none() && answer.window.this_update <= question.control)
        .map(|answer| answer.window.this_update)
        .max();
    let revoked = answers
        .iter()
        .filter(|answer| match answer.revoked {
            // At equal times the worse of the two.
            Some((_, RevocationReason::CertificateHold)) => lifted_at <= Some(answer.window.this_update),
            Some(_) => true,
            None => false,
        })
        .max_by_key(known_at);
    revoked.or_else(|| answers.iter().max_by_key(known_at)).copied()
}
