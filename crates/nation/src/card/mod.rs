//! The residents' cards: virtual My Number Cards whose PINs and counters last in the nation's database. The card itself
//! is [`musubi_card::virtual_card`]; this gives it its image, its memory and its power.
//!
//! **One truth**: every command reads the memory from the database, and what it changes is stored before the answer is
//! passed on. So the card window, any number of readers and the town hall see the same counters, and cutting the power
//! between the comparison and the counter gives no free guess. Commands to one card come one after the other: one process
//! owns a nation, so a lock in memory is enough.

mod authority;
mod image;
mod memory;
mod numbers;
mod powered;
pub(crate) mod sql;

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use musubi_card::client::{Card, CardError, LastTry};
use musubi_card::genuineness::CardAuthorities;
use musubi_card::transport::{Transport, TransportError};
use musubi_card::virtual_card::{Behaviour, Image, Profile};
use musubi_card::{CertificateKind, PinReference};
use musubi_crypto::sha256;
use musubi_kernel::Secret;
use musubi_pki::BasicAttributes;
use musubi_store::StoreError;
use tokio::sync::OwnedMutexGuard;

use authority::Vouched;
pub(crate) use powered::Powered;

use crate::{CardAnswer, CardOperation, CardRefusal, LifeError, NationError, ResidentId, World};

/// More images than the residents have cards and profiles; past it, all are made anew.
const IMAGES: usize = 256;

/// What the process remembers of cards.
#[derive(Default)]
pub(crate) struct Cards {
    locks: Mutex<HashMap<ResidentId, Arc<tokio::sync::Mutex<()>>>>,
    /// By a digest of what they are made from.
    images: Mutex<HashMap<[u8; 32], Arc<Image>>>,
}

impl Cards {
    /// Waits until nobody else has to do with a resident's card. Only for residents that there are: every name asked for is
    /// remembered.
    pub(crate) async fn lock(&self, id: &ResidentId) -> OwnedMutexGuard<()> {
        let lock = {
            let mut locks = self.locks.lock().unwrap_or_else(PoisonError::into_inner);
            Arc::clone(locks.entry(id.clone()).or_default())
        };
        lock.lock_owned().await
    }

    fn image(
        &self,
        digest: [u8; 32],
        make: impl FnOnce() -> Result<Image, NationError>,
    ) -> Result<Arc<Image>, NationError> {
        let images = || self.images.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(image) = images().get(&digest) {
            return Ok(Arc::clone(image));
        }
        let image = Arc::new(make()?);
        let mut kept = images();
        if kept.len() >= IMAGES {
            kept.clear();
        }
        kept.insert(digest, Arc::clone(&image));
        Ok(image)
    }
}

impl From<StoreError> for CardRefusal {
    fn from(error: StoreError) -> Self {
        Self::Failed(NationError::Store(error))
    }
}

impl World {
    /// Does `work` with a resident's card on a reader of its own, on a thread that may wait. The power is cut behind it, so
    /// that nothing stays verified.
    ///
    /// # Errors
    /// What `work` says; [`TransportError::NoCard`] if there is no such resident; [`TransportError::Failed`] if the nation
    /// could not do its work.
    pub async fn with_card<R, F>(&self, id: &ResidentId, work: F) -> Result<R, CardError>
    where
        R: Send + 'static,
        F: FnOnce(&mut Card<Box<dyn Transport>>) -> Result<R, CardError> + Send + 'static,
    {
        let powered = Powered::on(self, id, Profile::default(), Behaviour::default()).await;
        let powered = powered.map_err(powered::as_transport_error)?.ok_or(TransportError::NoCard)?;
        let done = tokio::task::spawn_blocking(move || {
            let transport: Box<dyn Transport> = Box::new(powered);
            work(&mut Card::connect(transport)?)
        });
        done.await.map_err(|_| TransportError::Failed("the work with the card broke off".into()))?
    }

    /// Asks a resident's card one thing, spending the last try if need be. `message` is what is signed; reading attributes
    /// ignores it.
    ///
    /// # Errors
    /// [`CardRefusal`]; the counters have been set before the answer is given.
    pub async fn answer(
        &self,
        id: &ResidentId,
        operation: CardOperation,
        pin: &Secret<String>,
        message: &[u8],
    ) -> Result<CardAnswer, CardRefusal> {
        let (pin, digest) = (pin.clone(), sha256(message));
        let answered = self.with_card(id, move |card| ask(card, operation, &pin, &digest)).await;
        answered.map_err(|error| match error {
            CardError::PinWrong { tries_left, .. } => CardRefusal::WrongPin { tries_left },
            CardError::PinBlocked(_) => CardRefusal::Blocked,
            CardError::PinForm(_) => CardRefusal::PinForm,
            CardError::CertificateAbsent(_) => CardRefusal::CertificateAbsent,
            CardError::Transport(TransportError::NoCard) => CardRefusal::Unknown,
            other => CardRefusal::Failed(NationError::Card(other)),
        })
    }

    /// The municipality sets all PINs of a resident's card back to those of the issue.
    ///
    /// # Errors
    /// [`LifeError::UnknownResident`].
    pub async fn unblock(&self, id: &ResidentId) -> Result<(), LifeError> {
        self.known(id).await?;
        let _alone = self.inner.cards.lock(id).await;
        let mut tx = self.inner.db.begin().await?;
        if !sql::set_pins_anew(&mut tx, id).await? {
            return Err(LifeError::UnknownResident);
        }
        Ok(tx.commit().await?)
    }

    /// Blocks a PIN of a resident's card at once, as that many wrong ones would.
    ///
    /// # Errors
    /// [`LifeError::UnknownResident`].
    pub async fn block(&self, id: &ResidentId, pin: PinReference) -> Result<(), LifeError> {
        self.known(id).await?;
        let _alone = self.inner.cards.lock(id).await;
        let mut tx = self.inner.db.begin().await?;
        // Only now: a new card may have come while this waited.
        let card = sql::card(&mut tx, id).await?.ok_or(LifeError::UnknownResident)?;
        sql::block_pin(&mut tx, id, card.number, pin).await?;
        Ok(tx.commit().await?)
    }

    /// Whether there is such a resident, with a card.
    pub(crate) async fn known(&self, id: &ResidentId) -> Result<(), LifeError> {
        let mut tx = self.inner.db.begin_read().await?;
        sql::card(&mut tx, id).await?.map(drop).ok_or(LifeError::UnknownResident)
    }

    /// The authority of cards (カード認証局) of this nation for 券面事項入力補助AP, under which its cards' free keys and
    /// attributes are genuine. For the platform's configuration.
    ///
    /// # Errors
    /// [`NationError::Sign`].
    pub async fn card_authorities(&self) -> Result<CardAuthorities, NationError> {
        authority::authority_of(self.inner.authorities.seed, Vouched::Text).await
    }
}

fn ask<T: Transport>(
    card: &mut Card<T>,
    operation: CardOperation,
    pin: &Secret<String>,
    digest: &[u8; 32],
) -> Result<CardAnswer, CardError> {
    let (certificate, kind) = match operation {
        CardOperation::Authenticate => {
            let certificate = card.authentication_certificate()?;
            card.verify(PinReference::Authentication, pin, LastTry::Spend)?;
            (certificate, CertificateKind::UserAuthentication)
        }
        CardOperation::Sign => {
            let kind = CertificateKind::DigitalSignature;
            // Before the password: what cannot be done costs no try.
            if !card.overview()?.has_signature {
                return Err(CardError::CertificateAbsent(kind));
            }
            card.verify(PinReference::Signature, pin, LastTry::Spend)?;
            (card.signature_certificate()?, kind)
        }
        CardOperation::ReadAttributes => {
            let read = card.read_attributes(pin, LastTry::Spend)?;
            let malformed = || CardError::Malformed("attributes");
            return Ok(CardAnswer::Attributes(BasicAttributes {
                name_substitutes: substitutes(&read.name),
                name: read.name,
                address_substitutes: substitutes(&read.address),
                address: read.address,
                date_of_birth: dashed(&read.date_of_birth)
                    .and_then(|date| date.parse().ok())
                    .ok_or_else(malformed)?,
                sex: image::sex_of(read.sex),
            }));
        }
    };
    let signature = card.sign(kind, digest)?;
    Ok(CardAnswer::Signed { certificate, signature })
}

/// Where a substitute stands. Other than a certificate the card does not say; what is written another way, such as 髙
/// as 高, cannot be seen.
fn substitutes(text: &str) -> Vec<bool> {
    text.chars().map(|c| c == '〓').collect()
}

/// `19880721` as `1988-07-21`.
fn dashed(digits: &str) -> Option<String> {
    Some(format!("{}-{}-{}", digits.get(..4)?, digits.get(4..6)?, digits.get(6..8)?))
}

#[cfg(test)]
mod tests {
    use musubi_kernel::{FixedClock, UnixTime};
    use musubi_store::Db;

    use super::*;
    use crate::{DEFAULT_SEED, WorldConfig};

    const AT: UnixTime = UnixTime(1_795_230_000);

    #[tokio::test]
    async fn a_block_that_waits_for_a_new_card_is_of_the_new_card() {
        let folder = tempfile::tempdir().unwrap();
        let db = Db::open_sqlite(&folder.path().join("nation.db")).await.unwrap();
        let operator_credential = Secret::new("a credential of these tests".to_owned());
        let config = WorldConfig { seed: DEFAULT_SEED, epoch: AT, operator_credential };
        let world = World::open(config, db, Arc::new(FixedClock::new(AT))).await.unwrap();
        let id: ResidentId = "aoki-misaki".parse().unwrap();

        let renewing = world.inner.cards.lock(&id).await;
        let blocking = tokio::spawn({
            let (world, id) = (world.clone(), id.clone());
            async move { world.block(&id, PinReference::Authentication).await }
        });
        let waits = || world.inner.cards.locks.lock().unwrap().get(&id).map(Arc::strong_count) == Some(3);
        while !waits() {
            tokio::task::yield_now().await;
        }
        let mut tx = world.inner.db.begin().await.unwrap();
        sql::replace_card(&mut tx, &id, AT).await.unwrap();
        tx.commit().await.unwrap();
        drop(renewing);
        blocking.await.unwrap().unwrap();
        assert_eq!(world.resident(&id).await.unwrap().unwrap().card.pin_tries, 0);
    }
}
