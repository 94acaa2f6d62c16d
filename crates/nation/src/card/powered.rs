//! A card with its power on: the virtual card, with its memory taken from the database before every command and stored
//! in it before every answer.

use musubi_card::transport::{Transport, TransportError};
use musubi_card::virtual_card::{Answer, Behaviour, Memory, Profile, VirtualCard};
use musubi_crypto::SystemRandom;
use tokio::runtime::Handle;

use super::image::Contents;
use super::memory;
use crate::{NationError, ResidentId, World};

/// A resident's card, from the power coming on until it goes off. What it carries is what was on it at that moment: a
/// renewal at the counter shows at the next time.
pub(crate) struct Powered {
    world: World,
    resident: ResidentId,
    /// Which card of the resident.
    number: i64,
    issued: Memory,
    card: VirtualCard,
    runtime: Handle,
}

impl Powered {
    /// Turns the power on; `None` if there is no such resident.
    pub(crate) async fn on(
        world: &World,
        resident: &ResidentId,
        profile: Profile,
        behaviour: Behaviour,
    ) -> Result<Option<Self>, NationError> {
        let Some(contents) = Contents::load(world, resident, profile).await? else { return Ok(None) };
        let (number, numbers) = (contents.card.number, contents.numbers()?);
        let issued = memory::issued(&numbers);
        let made_by = world.clone();
        // Deriving keys takes its time; the first image of a card needs eight.
        let image = tokio::task::spawn_blocking(move || {
            made_by.inner.cards.image(contents.digest(), || contents.image(&numbers))
        });
        let image = image.await.map_err(|_| NationError::Register("an image"))??;
        Ok(Some(Self {
            world: world.clone(),
            resident: resident.clone(),
            number,
            card: VirtualCard::new(image, issued.clone(), behaviour),
            issued,
            runtime: Handle::current(),
        }))
    }

    /// Answers a command; on a thread that may wait. If this fails, the answer is unknown and so is what was counted.
    pub(crate) fn answer(&mut self, command: &[u8]) -> Result<Answer, NationError> {
        let runtime = self.runtime.clone();
        runtime.block_on(async {
            let db = &self.world.inner.db;
            let _alone = self.world.inner.cards.lock(&self.resident).await;
            let mut tx = db.begin_read().await?;
            let before = memory::load(&mut tx, &self.resident, self.number, &self.issued).await?;
            drop(tx);
            self.card.set_memory(before.clone());
            let answer = self.card.answer(command, &SystemRandom);
            if answer.wrote {
                let after = self.card.memory();
                let mut tx = db.begin().await?;
                memory::store(&mut tx, &self.resident, self.number, &self.issued, &before, after).await?;
                tx.commit().await?;
            }
            Ok(answer)
        })
    }

    /// A warm reset.
    pub(crate) fn reset(&mut self) {
        self.card.reset();
    }
}

impl Transport for Powered {
    fn atr(&self) -> &[u8] {
        self.card.atr()
    }

    fn transmit(&mut self, command: &[u8]) -> Result<Vec<u8>, TransportError> {
        self.answer(command).map_err(as_transport_error)?.response.ok_or(TransportError::Removed)
    }
}

/// For whoever speaks to a card the nation's trouble is the reader's. The log has the cause.
pub(super) fn as_transport_error(error: NationError) -> TransportError {
    tracing::error!(%error, "a virtual card could not be asked");
    TransportError::Failed("the simulated nation could not do its work".into())
}
