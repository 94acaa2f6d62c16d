//! What a card forgets without power: what is selected, what was verified, what waits to be fetched.

use std::collections::BTreeSet;

use super::secure_messaging::SecureMessaging;
use crate::layout::{Application, FileId, PinReference};

/// The volatile state. Its default is that of a card whose power has just come on.
#[derive(Debug, Default)]
pub(super) struct Session {
    /// The selected application; `None` is the issuer security domain.
    application: Option<Application>,
    /// The current elementary file of that application.
    pub(super) file: Option<FileId>,
    /// The file that the command names by its short identifier; becomes the current one if the command succeeds.
    pub(super) named: Option<FileId>,
    /// What was verified since the application was selected.
    pub(super) verified: BTreeSet<PinReference>,
    /// Secure messaging of that application.
    pub(super) messaging: Messaging,
    /// What is left of an answer, for GET RESPONSE.
    pub(super) waiting: Vec<u8>,
}

/// How far secure messaging is.
#[derive(Debug, Default)]
pub(super) enum Messaging {
    /// No session key was delivered, or an error ended the session: `69FC`.
    #[default]
    Closed,
    /// A session key is there.
    Open(SecureMessaging),
}

impl Session {
    pub(super) fn application(&self) -> Application {
        self.application.unwrap_or(Application::IssuerSecurityDomain)
    }

    /// Selects an application. The same one again keeps what was verified (facts §4.1).
    pub(super) fn select(&mut self, application: Application) {
        if self.application() != application {
            *self = Self::default();
        }
        self.application = Some(application);
        self.file = None;
    }

    pub(super) fn warm_reset(&mut self) {
        self.file = None;
        self.messaging = Messaging::Closed;
        self.waiting.clear();
    }
}
