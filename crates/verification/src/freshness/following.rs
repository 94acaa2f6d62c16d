//! What follows from a verdict under a contract, written in its transaction: the answer is remembered if the relying party may
//! act by it, kept to be judged again if it waits, and told if it had waited.

use musubi_kernel::UnixTime;
use musubi_pki::{CertKey, Verdict};
use musubi_platform::Context;
use musubi_platform::audit;
use musubi_platform::change_stream;
use musubi_platform::person::PersonId;
use musubi_platform::relying_party::RelyingPartyId;
use musubi_store::{StoreError, Tx};

use super::answers::{Ending, Settled, correction_record, corrections_by_response, give, settled};
use super::settling::{Awaited, wait_for};
use super::{AnswerKind, Given, Said, Terms};
use crate::outcome::State;

/// A verdict that is being written.
#[derive(Debug)]
pub(crate) struct Outcome<'a> {
    pub(crate) relying_party: &'a RelyingPartyId,
    pub(crate) answer: &'a str,
    pub(crate) kind: AnswerKind,
    pub(crate) state: State,
    pub(crate) verdict: &'a Verdict,
    /// The certificate, as far as an authority's signature vouches for it.
    pub(crate) identified: Option<&'a CertKey>,
    /// The certificate that passed, and its end.
    pub(crate) passed: Option<(&'a CertKey, UnixTime)>,
    pub(crate) person: Option<&'a PersonId>,
    pub(crate) customer_id: Option<&'a str>,
}

/// Writes what follows. To be called before the audit record, whose log is locked last.
pub(crate) async fn follow(
    tx: &mut Tx,
    context: &Context,
    terms: &Terms,
    outcome: &Outcome<'_>,
    awaited: impl FnOnce() -> Awaited,
    at: UnixTime,
) -> Result<(), StoreError> {
    let Outcome { relying_party, answer, kind, state, verdict, identified, passed, person, customer_id } =
        outcome;
    let mut entries = corrections_by_response(tx, context, verdict, *identified, at).await?;
    let records: Vec<_> = entries.iter().map(correction_record).collect();
    let told = match terms.awaited {
        Some((from, since)) => {
            let ended = Settled {
                relying_party,
                answer,
                kind: *kind,
                from,
                since,
                person: *person,
                customer_id: *customer_id,
                ending: Ending::Judged(*state, verdict),
            };
            settled(tx, context, &ended, at).await?
        }
        None => None,
    };
    let said = match (state, passed, &terms.vouched) {
        (State::Accepted, Some((certificate, not_after)), _) => {
            Some((Said::Good, (*certificate).clone(), *not_after))
        }
        (State::Provisional, _, Some(vouched)) => {
            Some((Said::Provisional, vouched.certificate.clone(), vouched.not_after))
        }
        _ => None,
    };
    if let (Some((said, certificate, not_after)), Some(freshness)) = (said, verdict.freshness()) {
        let given = Given {
            relying_party: (*relying_party).clone(),
            answer: (*answer).to_owned(),
            kind: *kind,
            said,
            certificate,
            not_after,
            person: person.cloned(),
            customer_id: customer_id.map(str::to_owned),
            freshness,
            at,
        };
        give(tx, &given).await?;
    }
    if let (State::Held | State::Provisional, None, Some(contract)) = (state, terms.awaited, &terms.contract)
    {
        wait_for(tx, context, (relying_party, answer, contract), &awaited(), at).await?;
    }
    entries.extend(told);
    if !entries.is_empty() {
        change_stream::append_all(tx, context, entries, at).await?;
    }
    if !records.is_empty() {
        audit::append_all(tx, &records, context.random.as_ref(), at).await?;
    }
    Ok(())
}
