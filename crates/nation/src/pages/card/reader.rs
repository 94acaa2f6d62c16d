//! The card on the visitor's virtual reader, for the card window: whose it is says the cookie `card`.

use std::sync::Arc;

use musubi_card::client::{Card, CardError};
use musubi_card::transport::{Transport, TransportError};
use musubi_connector::{Caller, CardChoice, Holder, Permission, Reader};
use musubi_kernel::UnixTime;

use super::OnReader;
use crate::World;
use crate::pages::TEXTS;
use crate::pages::views::display_name;

/// Every visitor has a reader of their own.
#[derive(Clone)]
pub(super) struct VirtualReader {
    pub(super) world: World,
    /// Origin of the town hall.
    pub(super) town: Arc<str>,
}

impl Reader for VirtualReader {
    fn now(&self) -> UnixTime {
        self.world.now()
    }

    /// Everybody's PIN is known here and no card is real: there is nothing to protect from a page.
    async fn permission(&self, _: Caller<'_>, _: &str) -> Permission {
        Permission::Granted
    }

    async fn approve(&self, _: Caller<'_>, _: &str) -> Permission {
        Permission::Granted
    }

    async fn holder(&self, caller: Caller<'_>) -> Option<Holder> {
        let id = OnReader::of(caller.headers).0?;
        // A register that cannot be read leaves the window without a name, no more.
        let resident = self.world.resident(&id).await.ok().flatten()?;
        Some(Holder {
            name: display_name(&resident, caller.lang),
            counter: format!("{}/residents/{id}?lang={}#unblock-form", self.town, caller.lang.code()),
        })
    }

    async fn choices(&self, caller: Caller<'_>) -> Vec<CardChoice> {
        let t = TEXTS.tr(caller.lang);
        let residents = self.world.residents().await.unwrap_or_default();
        let choice = |resident: &crate::Resident| CardChoice {
            id: format!("insert-{}", resident.id),
            label: t.with("card.of", &[("name", display_name(resident, caller.lang))]),
            action: "/insert",
            fields: vec![("resident", resident.id.to_string()), ("next", "window".to_owned())],
        };
        residents.iter().map(choice).collect()
    }

    async fn with_card<R, F>(&self, caller: Caller<'_>, work: F) -> Result<R, CardError>
    where
        R: Send + 'static,
        F: FnOnce(&mut Card<Box<dyn Transport>>) -> Result<R, CardError> + Send + 'static,
    {
        let id = OnReader::of(caller.headers).0.ok_or(TransportError::NoCard)?;
        self.world.with_card(&id, work).await
    }
}
