//! Account applications: identity proofing from the filled form to the account.

use musubi_crypto::Sha256Digest;
use musubi_httpkit::page::Tr;
use musubi_store::StoreError;

use super::model::{Account, ApplicationId, ApplicationRecord, ApplicationState, AttributesVersion};
use super::service::{
    self, CardAnswer, CheckedForm, DRAFT_SECONDS, KEEP_APPLICATION_SECONDS, RETRY_SECONDS, WELCOME_GIFT_YEN,
};
use super::{Bank, BankError, sql};
use crate::platform_client::{Judged, PlatformError, Reason, TransactionState};

/// How often a clash of random numbers is tried again.
const NUMBER_ATTEMPTS: u32 = 3;

impl Bank {
    /// Writes an application down and asks the platform to open its transaction.
    pub(crate) async fn draft_application(
        &self,
        form: CheckedForm,
        browser: Sha256Digest,
        t: Tr,
    ) -> Result<ApplicationId, BankError> {
        let now = self.0.clock.now();
        let id = ApplicationId::generate(&*self.0.random);
        let record = ApplicationRecord {
            id: id.clone(),
            browser,
            customer_id: format!("MB-{}", service::random_digits(&*self.0.random, 12)),
            state: ApplicationState::Drafted,
            application: form.application(t),
            open_key: self.fresh_key(),
            proofing_id: None,
            to_be_signed: None,
            card_request: None,
            expires_at: None,
            certificate: None,
            signature: None,
            completion_key: None,
            tampered: false,
            result: None,
            problem: None,
            next_attempt_at: now,
            created_at: now,
        };
        let mut tx = self.0.db.begin().await?;
        sql::forget_applications(&mut tx, now.plus(-KEEP_APPLICATION_SECONDS)).await?;
        sql::insert_application(&mut tx, &record).await?;
        tx.commit().await?;
        self.open_application(&id).await?;
        Ok(id)
    }

    /// The application, if `browser` is the one that made it.
    pub(crate) async fn application(
        &self,
        id: &ApplicationId,
        browser: Option<Sha256Digest>,
    ) -> Result<Option<ApplicationRecord>, BankError> {
        let mut tx = self.0.db.begin_read().await?;
        let found = sql::application(&mut tx, id).await?;
        Ok(found.filter(|record| {
            browser.is_some_and(|b| musubi_crypto::equal_in_constant_time(&b, &record.browser))
        }))
    }

    /// The account that an accepted application led to.
    pub(crate) async fn account(&self, customer_id: &str) -> Result<Option<Account>, BankError> {
        let mut tx = self.0.db.begin_read().await?;
        Ok(sql::account(&mut tx, customer_id).await?)
    }

    /// Keeps the card's answer, then has it judged. Nothing happens if the application does not wait for one.
    pub(crate) async fn submit_application(
        &self,
        id: &ApplicationId,
        answer: &CardAnswer,
    ) -> Result<(), BankError> {
        let key = self.fresh_key();
        let mut tx = self.0.db.begin().await?;
        let tampered = self.0.lab && sql::take_tampering(&mut tx).await?;
        let (certificate, signature) = (&answer.certificate, &answer.signature);
        let now = self.0.clock.now();
        if sql::application_submitted(&mut tx, id, certificate, signature, &key, tampered, now).await? == 0 {
            return Ok(());
        }
        tx.commit().await?;
        self.judge_application(id).await.map(drop)
    }

    /// Tries again now what the application waits for.
    pub(crate) async fn retry_application(&self, id: &ApplicationId) -> Result<(), BankError> {
        self.open_application(id).await?;
        self.judge_application(id).await.map(drop)
    }

    /// Opens drafted applications and has submitted ones judged, where an attempt is due; answers how many moved.
    pub(crate) async fn reconcile_applications(&self) -> Result<u64, BankError> {
        let now = self.0.clock.now();
        let (drafted, submitted) = {
            let mut tx = self.0.db.begin_read().await?;
            let drafted = sql::due_applications(&mut tx, ApplicationState::Drafted, now).await?;
            (drafted, sql::due_applications(&mut tx, ApplicationState::Submitted, now).await?)
        };
        let mut moved = 0;
        for id in drafted {
            moved += u64::from(self.open_application(&id).await?);
        }
        for id in submitted {
            moved += u64::from(self.judge_application(&id).await?);
        }
        Ok(moved)
    }

    async fn load(
        &self,
        id: &ApplicationId,
        state: ApplicationState,
    ) -> Result<Option<ApplicationRecord>, BankError> {
        let mut tx = self.0.db.begin_read().await?;
        Ok(sql::application(&mut tx, id).await?.filter(|record| record.state == state))
    }

    /// drafted → open; answers whether it moved.
    async fn open_application(&self, id: &ApplicationId) -> Result<bool, BankError> {
        let Some(record) = self.load(id, ApplicationState::Drafted).await? else { return Ok(false) };
        let now = self.0.clock.now();
        if now.since(record.created_at) > DRAFT_SECONDS {
            return self.end_application(id, ApplicationState::Lapsed, None, None).await;
        }
        let (platform, origin) = (&self.0.platform, &self.0.own_origin);
        let opened = platform
            .open_identity_proofing(&record.open_key, &record.customer_id, origin, &record.application)
            .await;
        let mut tx = self.0.db.begin().await?;
        let moved = match &opened {
            Ok(opened) => sql::application_opened(&mut tx, id, opened).await?,
            Err(error) if error.is_passing() => {
                let (key, problem) = self.next_key(&record.open_key, error);
                sql::application_not_opened(&mut tx, id, &key, problem, now.plus(RETRY_SECONDS)).await?;
                0
            }
            Err(PlatformError::Refused { reason, .. }) => {
                sql::application_ended(&mut tx, id, ApplicationState::Refused, None, Some(reason)).await?
            }
            Err(error) => {
                tracing::error!(%error, "an application cannot be opened");
                sql::application_not_opened(&mut tx, id, &record.open_key, None, now.plus(RETRY_SECONDS))
                    .await?;
                0
            }
        };
        tx.commit().await?;
        Ok(moved > 0)
    }

    /// submitted → accepted, refused or lapsed; answers whether it moved.
    async fn judge_application(&self, id: &ApplicationId) -> Result<bool, BankError> {
        let Some(record) = self.load(id, ApplicationState::Submitted).await? else { return Ok(false) };
        let (Some(proofing), Some(certificate), Some(signature), Some(key)) =
            (&record.proofing_id, &record.certificate, &record.signature, &record.completion_key)
        else {
            return Err(StoreError::Corrupt("bank_application").into());
        };
        let application = match record.tampered {
            true => service::tampered(record.application.clone()),
            false => record.application.clone(),
        };
        let platform = &self.0.platform;
        let answer = match platform
            .complete_identity_proofing(key, proofing, &application, certificate, signature)
            .await
        {
            // Completed before, under a key of which we never saw the answer: what became of it?
            Err(error) if error.code() == Some("nonce.replayed") => {
                platform.identity_proofing(proofing).await
            }
            other => other,
        };
        match answer {
            Ok(judged) => match judged.state {
                TransactionState::Accepted => self.accept_application(&record, judged).await,
                TransactionState::Refused => {
                    self.end_application(id, ApplicationState::Refused, Some(judged), None).await
                }
                TransactionState::Open => self.wait(id, key, &self.fresh_key(), Some(judged)).await,
            },
            Err(error) if error.code() == Some("transaction.expired") => {
                self.end_application(id, ApplicationState::Lapsed, None, None).await
            }
            Err(error) if error.is_passing() => {
                let (next_key, _) = self.next_key(key, &error);
                self.wait(id, key, &next_key, None).await
            }
            Err(PlatformError::Refused { reason, .. }) => {
                self.end_application(id, ApplicationState::Refused, None, Some(*reason)).await
            }
            Err(error) => {
                tracing::error!(%error, "an application cannot be judged");
                self.wait(id, key, key, None).await
            }
        }
    }

    /// The key of the next attempt: the same if nobody answered, a new one if the platform said "not now" (its
    /// answer to the old key is stored there).
    pub(crate) fn next_key<'e>(&self, key: &str, error: &'e PlatformError) -> (String, Option<&'e Reason>) {
        match error {
            PlatformError::Refused { reason, .. } => (self.fresh_key(), Some(reason)),
            _ => (key.to_owned(), None),
        }
    }

    async fn wait(
        &self,
        id: &ApplicationId,
        key: &str,
        next_key: &str,
        judged: Option<Judged>,
    ) -> Result<bool, BankError> {
        let at = self.0.clock.now().plus(RETRY_SECONDS);
        let judged = judged.map(without_attributes);
        let mut tx = self.0.db.begin().await?;
        sql::application_waits(&mut tx, id, key, next_key, judged.as_ref(), at).await?;
        tx.commit().await?;
        Ok(false)
    }

    async fn end_application(
        &self,
        id: &ApplicationId,
        state: ApplicationState,
        judged: Option<Judged>,
        problem: Option<Reason>,
    ) -> Result<bool, BankError> {
        let judged = judged.map(without_attributes);
        let mut tx = self.0.db.begin().await?;
        let moved = sql::application_ended(&mut tx, id, state, judged.as_ref(), problem.as_ref()).await?;
        tx.commit().await?;
        Ok(moved > 0)
    }

    /// Ends the application and opens the account in one transaction: never one without the other, never twice.
    async fn accept_application(
        &self,
        record: &ApplicationRecord,
        judged: Judged,
    ) -> Result<bool, BankError> {
        // What the certificate says, where the platform still says it; it matched what the customer wrote.
        let attributes = judged.attributes.clone().unwrap_or_else(|| record.application.attributes.clone());
        let judged = without_attributes(judged);
        let now = self.0.clock.now();
        for _ in 0..NUMBER_ATTEMPTS {
            let account = Account {
                customer_id: record.customer_id.clone(),
                account_number: service::random_digits(&*self.0.random, 7),
                has_consent: judged.consent_id.is_some(),
                presence_enrolled_at: None,
                balance_yen: WELCOME_GIFT_YEN,
                opened_at: now,
            };
            let mut tx = self.0.db.begin().await?;
            let state = ApplicationState::Accepted;
            if sql::application_ended(&mut tx, &record.id, state, Some(&judged), None).await? == 0 {
                return Ok(false);
            }
            let (subject, consent) = (judged.subject.as_deref(), judged.consent_id.as_deref());
            match sql::insert_account(&mut tx, &account, &record.id, subject, consent).await {
                Err(StoreError::Constraint) => continue,
                other => other?,
            }
            let version = AttributesVersion {
                version: 1,
                attributes: attributes.clone(),
                as_of: now,
                event_sequence: None,
            };
            sql::insert_attributes(&mut tx, &account.customer_id, &version).await?;
            tx.commit().await?;
            return Ok(true);
        }
        // Stays submitted; the next round asks again and gets the same answer.
        Ok(false)
    }
}

fn without_attributes(judged: Judged) -> Judged {
    Judged { attributes: None, ..judged }
}
