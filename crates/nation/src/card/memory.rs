//! A card's memory: the PINs of the issue, with what the database says has changed since.

use musubi_card::PinReference;
use musubi_card::virtual_card::{Memory, PinMemory};
use musubi_kernel::Secret;
use musubi_store::{StoreError, Tx};

use super::numbers::Numbers;
use super::sql::{self, PinRow};
use crate::{DEMO_PASSWORD, DEMO_PIN, ResidentId};

/// PINs and numbers as the municipality handed the card over.
pub(super) fn issued(numbers: &Numbers) -> Memory {
    PinReference::ALL.into_iter().fold(Memory::default(), |memory, reference| {
        let value = match reference {
            PinReference::Authentication
            | PinReference::TextAttributes
            | PinReference::CardCommon
            | PinReference::ResidentRegister => DEMO_PIN,
            PinReference::Signature => DEMO_PASSWORD,
            PinReference::TextNumberA | PinReference::SurfaceNumberA => numbers.individual.expose(),
            PinReference::TextNumberB | PinReference::SurfaceNumberB => numbers.number_b.expose(),
            PinReference::SurfaceBirthDate => numbers.birth.expose(),
            // It has no tries: nothing opens it.
            PinReference::TextBlocked => "",
        };
        memory.with(reference, value)
    })
}

/// The memory that lasts.
pub(super) async fn load(
    tx: &mut Tx,
    id: &ResidentId,
    card: i64,
    issued: &Memory,
) -> Result<Memory, StoreError> {
    let mut memory = issued.clone();
    for row in sql::pins(tx, id, card).await? {
        let Some(pin) = memory.pin_mut(row.reference) else { return Err(StoreError::Corrupt("reference")) };
        pin.tries_left = row.tries_left;
        if let Some(value) = row.value {
            pin.value = value;
        }
    }
    Ok(memory)
}

/// Makes lasting what differs between two states.
pub(super) async fn store(
    tx: &mut Tx,
    id: &ResidentId,
    card: i64,
    issued: &Memory,
    before: &Memory,
    after: &Memory,
) -> Result<(), StoreError> {
    for (reference, pin) in after.iter() {
        if before.pin(reference).is_some_and(|old| are_equal(old, pin)) {
            continue;
        }
        let of_issue = issued.pin(reference).is_some_and(|old| old.value.expose() == pin.value.expose());
        let value = (!of_issue).then(|| Secret::new(pin.value.expose().clone()));
        sql::put_pin(tx, id, card, &PinRow { reference, tries_left: pin.tries_left, value }).await?;
    }
    Ok(())
}

fn are_equal(one: &PinMemory, other: &PinMemory) -> bool {
    one.tries_left == other.tries_left && one.value.expose() == other.value.expose()
}
