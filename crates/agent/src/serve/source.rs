//! Cards on PC/SC readers as the connector's source.

use musubi_card::transport::{Transport, TransportError};

use super::desk::{CardSource, SeenReader};
use crate::pcsc::{self, Place};

/// The readers of this computer, or the one of them that has this name.
#[derive(Debug, Clone, Default)]
pub struct PcscSource {
    /// The reader's name or a part of it; `None` for the first one with a card.
    pub reader: Option<String>,
}

impl CardSource for PcscSource {
    fn readers(&self) -> Result<Vec<SeenReader>, TransportError> {
        let seen = |reader: pcsc::Reader| SeenReader {
            has_card: matches!(reader.place, Place::Card | Place::CardInUse | Place::Mute),
            name: reader.name,
        };
        match pcsc::readers() {
            Ok(readers) => Ok(readers.into_iter().map(seen).collect()),
            Err(TransportError::NoReader) => Ok(Vec::new()),
            Err(error) => Err(error),
        }
    }

    fn connect(&self) -> Result<Box<dyn Transport>, TransportError> {
        Ok(Box::new(pcsc::connect(self.reader.as_deref())?))
    }
}
