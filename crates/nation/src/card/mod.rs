//! The virtual card: PIN of 4 digits with 3 tries, signing password with 5, keys, attributes (facts §4.2).
//!
//! A try is taken and made to last *before* the PIN is compared: cutting the power between the comparison and
//! the counter gives no free guess. Success sets the counter back. This speaks no APDU.

pub(crate) mod sql;

use musubi_crypto::equal_in_constant_time;
use musubi_kernel::Secret;
use musubi_pki::AuthorityKind;
use musubi_store::{Db, StoreError};

use crate::authority::certified_attributes;
use crate::keys::derive_apart;
use crate::sql as register;
use crate::{
    CardAnswer, CardOperation, CardRefusal, DEMO_PASSWORD, DEMO_PIN, NationError, PASSWORD_TRIES, PIN_TRIES,
    ResidentId,
};

impl From<StoreError> for CardRefusal {
    fn from(error: StoreError) -> Self {
        Self::Failed(NationError::Store(error))
    }
}

/// The two secrets of a card.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum PinKind {
    Pin,
    Password,
}

impl CardOperation {
    fn pin_kind(self) -> PinKind {
        match self {
            Self::Authenticate | Self::ReadAttributes => PinKind::Pin,
            Self::Sign => PinKind::Password,
        }
    }

    fn key(self) -> Option<AuthorityKind> {
        match self {
            Self::Authenticate => Some(AuthorityKind::UserAuthentication),
            Self::Sign => Some(AuthorityKind::DigitalSignature),
            Self::ReadAttributes => None,
        }
    }
}

/// Asks a card.
pub(crate) async fn answer(
    db: &Db,
    seed: u64,
    id: &ResidentId,
    operation: CardOperation,
    pin: &Secret<String>,
    message: &[u8],
) -> Result<CardAnswer, CardRefusal> {
    let mut tx = db.begin_read().await?;
    let resident = register::resident(&mut tx, id).await?.ok_or(CardRefusal::Unknown)?;
    let certificate = match operation.key() {
        Some(kind) => Some(sql::on_card(&mut tx, id, kind).await?.ok_or(CardRefusal::CertificateAbsent)?),
        None => None,
    };
    drop(tx);
    present(db, id, operation.pin_kind(), pin).await?;
    match certificate {
        Some(row) => {
            let key = derive_apart(seed, &row.key_label).await.map_err(NationError::from)?;
            let signature = key.sign(message).map_err(NationError::from)?;
            Ok(CardAnswer::Signed { certificate: row.certificate, signature })
        }
        None => Ok(CardAnswer::Attributes(certified_attributes(&resident))),
    }
}

/// Presents a PIN or password to the card (VERIFY).
async fn present(db: &Db, id: &ResidentId, kind: PinKind, pin: &Secret<String>) -> Result<(), CardRefusal> {
    let mut tx = db.begin().await?;
    let taken = match kind {
        PinKind::Pin => sql::take_pin_try(&mut tx, id).await?,
        PinKind::Password => sql::take_password_try(&mut tx, id).await?,
    };
    let Some(tries_left) = taken else { return Err(CardRefusal::Blocked) };
    tx.commit().await?;
    let expected = match kind {
        PinKind::Pin => DEMO_PIN,
        PinKind::Password => DEMO_PASSWORD,
    };
    if !equal_in_constant_time(pin.expose().as_bytes(), expected.as_bytes()) {
        return Err(CardRefusal::WrongPin { tries_left });
    }
    let (pin_tries, password_tries) = match kind {
        PinKind::Pin => (Some(PIN_TRIES), None),
        PinKind::Password => (None, Some(PASSWORD_TRIES)),
    };
    let mut tx = db.begin().await?;
    sql::set_tries(&mut tx, id, pin_tries, password_tries).await?;
    tx.commit().await?;
    Ok(())
}
