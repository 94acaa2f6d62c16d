//! Sign-in by entitlement check: the card's answer becomes a session. The reception without PIN (かざし利用) goes the
//! same way and ends in a session of its own, which opens no account: presence says that the card is here, not that
//! its holder is (公的個人認証法 38条の4).

use musubi_crypto::{Sha256Digest, sha256};
use musubi_store::StoreError;

use super::model::{LetIn, Session, SignInId, SignInRecord, SignInState};
use super::service::{KEEP_SIGN_IN_SECONDS, RECEPTION_SECONDS, SESSION_SECONDS};
use super::{Bank, BankError, sql};
use crate::platform_client::{
    Asked, Assurance, CheckAnswer, Judged, PlatformError, Reason, TransactionState,
};

/// What sending an old answer again led to.
pub(crate) enum Replay {
    /// Nobody has signed in yet.
    NoneYet,
    /// The platform refused, as it must.
    Refused(Reason),
    /// The platform does not answer.
    Unreachable,
    /// The platform judged it once more: a fault of the platform.
    Judged,
}

impl Bank {
    /// Begins a sign-in, or a reception, for `browser`.
    pub(crate) async fn begin_sign_in(
        &self,
        browser: Sha256Digest,
        asked: Asked,
    ) -> Result<SignInId, BankError> {
        let id = SignInId::generate(&*self.0.random);
        let record = SignInRecord {
            id: id.clone(),
            browser,
            state: SignInState::Drafted,
            asked,
            open_key: self.fresh_key(),
            check_id: None,
            card_request: None,
            expires_at: None,
            certificate: None,
            signature: None,
            page_origin: None,
            presence: None,
            completion_key: None,
            result: None,
            problem: None,
            created_at: self.0.clock.now(),
        };
        let mut tx = self.0.db.begin().await?;
        sql::forget_sign_ins(&mut tx, record.created_at.plus(-KEEP_SIGN_IN_SECONDS)).await?;
        sql::insert_sign_in(&mut tx, &record).await?;
        tx.commit().await?;
        self.open_sign_in(&id).await?;
        Ok(id)
    }

    /// The sign-in, if `browser` is the one that began it.
    pub(crate) async fn sign_in(
        &self,
        id: &SignInId,
        browser: Option<Sha256Digest>,
    ) -> Result<Option<SignInRecord>, BankError> {
        let mut tx = self.0.db.begin_read().await?;
        let found = sql::sign_in(&mut tx, id).await?;
        Ok(found.filter(|record| {
            browser.is_some_and(|b| musubi_crypto::equal_in_constant_time(&b, &record.browser))
        }))
    }

    /// Keeps the card's answer, then has it judged; answers the session's cookie if the customer is recognised.
    pub(crate) async fn submit_sign_in(
        &self,
        id: &SignInId,
        answer: CheckAnswer<'_>,
    ) -> Result<Option<LetIn>, BankError> {
        let key = self.fresh_key();
        let mut tx = self.0.db.begin().await?;
        if sql::sign_in_submitted(&mut tx, id, &answer, &key).await? == 0 {
            return Ok(None);
        }
        tx.commit().await?;
        self.judge_sign_in(id).await
    }

    /// Tries again now what the sign-in waits for.
    pub(crate) async fn retry_sign_in(&self, id: &SignInId) -> Result<Option<LetIn>, BankError> {
        self.open_sign_in(id).await?;
        self.judge_sign_in(id).await
    }

    /// The session of a cookie, if it is of this assurance.
    pub(crate) async fn session(
        &self,
        token: &str,
        assurance: Assurance,
    ) -> Result<Option<Session>, BankError> {
        let mut tx = self.0.db.begin_read().await?;
        Ok(sql::session(&mut tx, sha256(token.as_bytes()), assurance, self.0.clock.now()).await?)
    }

    /// Ends a session.
    pub(crate) async fn sign_out(&self, token: &str) -> Result<(), BankError> {
        let mut tx = self.0.db.begin().await?;
        sql::delete_session(&mut tx, sha256(token.as_bytes())).await?;
        Ok(tx.commit().await?)
    }

    /// The lab: the next application is altered after it was signed.
    pub(crate) async fn arm_tampering(&self) -> Result<(), BankError> {
        let mut tx = self.0.db.begin().await?;
        sql::arm_tampering(&mut tx).await?;
        Ok(tx.commit().await?)
    }

    /// The lab: sends the last answer of a card again, as somebody would who had overheard it.
    pub(crate) async fn replay_last_sign_in(&self) -> Result<Replay, BankError> {
        let last = {
            let mut tx = self.0.db.begin_read().await?;
            sql::last_sign_in(&mut tx).await?
        };
        let Some((check, answer)) =
            last.as_ref().and_then(|last| Some((last.check_id.as_deref()?, last.answer()?)))
        else {
            return Ok(Replay::NoneYet);
        };
        let key = self.fresh_key();
        Ok(match self.0.platform.complete_entitlement_check(&key, check, answer).await {
            Ok(_) => Replay::Judged,
            Err(PlatformError::Refused { reason, .. }) => Replay::Refused(*reason),
            Err(_) => Replay::Unreachable,
        })
    }

    async fn load_sign_in(
        &self,
        id: &SignInId,
        state: SignInState,
    ) -> Result<Option<SignInRecord>, BankError> {
        let mut tx = self.0.db.begin_read().await?;
        Ok(sql::sign_in(&mut tx, id).await?.filter(|record| record.state == state))
    }

    async fn open_sign_in(&self, id: &SignInId) -> Result<(), BankError> {
        let Some(record) = self.load_sign_in(id, SignInState::Drafted).await? else { return Ok(()) };
        let opened = self.0.platform.open_entitlement_check(&record.open_key, record.asked).await;
        let mut tx = self.0.db.begin().await?;
        match &opened {
            Ok(opened) => sql::sign_in_opened(&mut tx, id, opened).await?,
            Err(error) => {
                let (key, problem) = self.next_key(&record.open_key, error);
                sql::sign_in_not_opened(&mut tx, id, &key, problem).await?
            }
        };
        Ok(tx.commit().await?)
    }

    async fn judge_sign_in(&self, id: &SignInId) -> Result<Option<LetIn>, BankError> {
        let Some(record) = self.load_sign_in(id, SignInState::Submitted).await? else { return Ok(None) };
        let (Some(check), Some(answer), Some(key)) =
            (&record.check_id, record.answer(), &record.completion_key)
        else {
            return Err(StoreError::Corrupt("bank_sign_in").into());
        };
        match self.0.platform.complete_entitlement_check(key, check, answer).await {
            Ok(judged) if judged.assurance != Some(record.asked.assurance()) => {
                // Never taken for more than was asked, nor for less: the platform answers something else, or does not say.
                tracing::error!("a sign-in was judged with another assurance than was asked for");
                self.end_sign_in(id, SignInState::Refused, None, None).await
            }
            Ok(judged) => match (judged.state, &judged.customer_id) {
                (TransactionState::Accepted, Some(customer)) => {
                    let customer = customer.clone();
                    self.let_in(id, &customer, record.asked.assurance(), judged).await
                }
                (TransactionState::Accepted | TransactionState::Refused, _) => {
                    self.end_sign_in(id, SignInState::Refused, Some(judged), None).await
                }
                (TransactionState::Open, _) => {
                    self.sign_in_waits(id, &self.fresh_key(), Some(judged), None).await
                }
            },
            Err(error) if error.code() == Some("transaction.expired") => {
                self.end_sign_in(id, SignInState::Lapsed, None, None).await
            }
            Err(error) if error.is_passing() => {
                let (next_key, problem) = self.next_key(key, &error);
                self.sign_in_waits(id, &next_key, None, problem).await
            }
            Err(PlatformError::Refused { reason, .. }) => {
                self.end_sign_in(id, SignInState::Refused, None, Some(*reason)).await
            }
            Err(error) => {
                tracing::error!(%error, "a sign-in cannot be judged");
                self.sign_in_waits(id, key, None, None).await
            }
        }
    }

    async fn sign_in_waits(
        &self,
        id: &SignInId,
        next_key: &str,
        judged: Option<Judged>,
        problem: Option<&Reason>,
    ) -> Result<Option<LetIn>, BankError> {
        let mut tx = self.0.db.begin().await?;
        sql::sign_in_waits(&mut tx, id, next_key, judged.as_ref(), problem).await?;
        tx.commit().await?;
        Ok(None)
    }

    async fn end_sign_in(
        &self,
        id: &SignInId,
        state: SignInState,
        judged: Option<Judged>,
        problem: Option<Reason>,
    ) -> Result<Option<LetIn>, BankError> {
        let (lab, now) = (self.0.lab, self.0.clock.now());
        let mut tx = self.0.db.begin().await?;
        sql::sign_in_ended(&mut tx, id, state, judged.as_ref(), problem.as_ref(), lab, now).await?;
        tx.commit().await?;
        Ok(None)
    }

    /// Ends the sign-in and begins the session of its assurance in one transaction.
    async fn let_in(
        &self,
        id: &SignInId,
        customer: &str,
        assurance: Assurance,
        judged: Judged,
    ) -> Result<Option<LetIn>, BankError> {
        let now = self.0.clock.now();
        let mut tx = self.0.db.begin().await?;
        if sql::account(&mut tx, customer).await?.is_none() {
            // The platform knows the person as ours, we do not (a lost database): no account, no session.
            drop(tx);
            return self.end_sign_in(id, SignInState::Refused, Some(judged), None).await;
        }
        let state = SignInState::Accepted;
        if sql::sign_in_ended(&mut tx, id, state, Some(&judged), None, self.0.lab, now).await? == 0 {
            return Ok(None);
        }
        if judged.presence_enrolled {
            sql::presence_enrolled(&mut tx, customer, now).await?;
        }
        let enrolment_refused = judged.presence_refusal.is_some();
        let seconds = match assurance {
            Assurance::PinAuthenticated => SESSION_SECONDS,
            Assurance::CardPresent => RECEPTION_SECONDS,
        };
        let (token, hash) = self.fresh_cookie();
        let session = Session { customer_id: customer.to_owned(), expires_at: now.plus(seconds) };
        sql::insert_session(&mut tx, hash, &session, assurance, now).await?;
        tx.commit().await?;
        Ok(Some(LetIn { token, assurance, enrolment_refused }))
    }
}
