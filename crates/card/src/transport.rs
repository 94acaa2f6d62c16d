//! How commands reach a card. A transport moves bytes; it interprets none.

/// A card on a reader, with its power on, for as long as the value lives. Implementations hold the card exclusively.
pub trait Transport {
    /// Answer to reset, as the reader reports it. Readers without contacts make one up.
    fn atr(&self) -> &[u8];

    /// Sends a command and waits for the response, status word included.
    ///
    /// # Errors
    /// [`TransportError`]; then nothing is known of what the card has done.
    fn transmit(&mut self, command: &[u8]) -> Result<Vec<u8>, TransportError>;
}

impl<T: Transport + ?Sized> Transport for Box<T> {
    fn atr(&self) -> &[u8] {
        (**self).atr()
    }

    fn transmit(&mut self, command: &[u8]) -> Result<Vec<u8>, TransportError> {
        (**self).transmit(command)
    }
}

/// Why no response came. Each has another next step for the person at the reader.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum TransportError {
    /// The smart-card service of the computer does not run.
    #[error("the smart-card service does not run")]
    NoService,
    /// No reader is connected.
    #[error("no card reader is connected")]
    NoReader,
    /// No card is on the reader.
    #[error("no card is on the reader")]
    NoCard,
    /// The card was taken away, or lost its power, while it was spoken to.
    #[error("the card was removed")]
    Removed,
    /// Another program holds the card.
    #[error("another program uses the card")]
    InUse,
    /// There is something on the reader that does not answer as a card does.
    #[error("the card does not answer")]
    Unresponsive,
    /// Something else; the text is for the log and names no person.
    #[error("the reader failed: {0}")]
    Failed(String),
}
