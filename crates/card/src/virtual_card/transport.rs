//! A virtual card in the same process, behind the [`Transport`] that real cards stand behind. Waits for nothing:
//! [`Faults::delay_ms`](super::Faults) is the business of hosts that can.

use std::sync::Arc;

use musubi_kernel::Random;

use super::{Memory, VirtualCard};
use crate::transport::{Transport, TransportError};

/// Where the card's memory is stored before an answer is passed on.
type Store = Box<dyn FnMut(&Memory) -> Result<(), TransportError> + Send>;

/// A virtual card on a virtual reader.
pub struct VirtualTransport {
    card: VirtualCard,
    random: Arc<dyn Random>,
    store: Option<Store>,
}

impl VirtualTransport {
    /// The memory lives and ends with the value.
    #[must_use]
    pub fn new(card: VirtualCard, random: Arc<dyn Random>) -> Self {
        Self { card, random, store: None }
    }

    /// Stores the memory whenever it has changed; if that fails, the answer is not passed on.
    #[must_use]
    pub fn storing(
        mut self,
        store: impl FnMut(&Memory) -> Result<(), TransportError> + Send + 'static,
    ) -> Self {
        self.store = Some(Box::new(store));
        self
    }

    /// The card.
    #[must_use]
    pub fn card(&self) -> &VirtualCard {
        &self.card
    }

    /// The card, to switch its power or to change its memory.
    pub fn card_mut(&mut self) -> &mut VirtualCard {
        &mut self.card
    }

    /// The card alone.
    #[must_use]
    pub fn into_card(self) -> VirtualCard {
        self.card
    }
}

impl Transport for VirtualTransport {
    fn atr(&self) -> &[u8] {
        self.card.atr()
    }

    fn transmit(&mut self, command: &[u8]) -> Result<Vec<u8>, TransportError> {
        let answer = self.card.answer(command, self.random.as_ref());
        if answer.wrote
            && let Some(store) = &mut self.store
        {
            store(self.card.memory())?;
        }
        answer.response.ok_or(TransportError::Removed)
    }
}
