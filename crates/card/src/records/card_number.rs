//! The record of 共通カードAP (facts §4.7): serial number of the card (製造番号), municipality, expiry.

use super::{RecordError, check_digits};
use crate::tlv::{Reader, write};

/// Record 1 of EF 0001. `Debug` does not show the serial number.
#[derive(Clone, PartialEq, Eq)]
pub struct CardNumber {
    /// Serial number of the card, 15 digits.
    pub serial: String,
    /// Code of the municipality, 5 digits.
    pub municipality: String,
    /// Last day of the card, eight digits `YYYYMMDD`.
    pub expires_on: String,
}

impl std::fmt::Debug for CardNumber {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "CardNumber {{ municipality: {}, .. }}", self.municipality)
    }
}

impl CardNumber {
    /// The record.
    ///
    /// # Errors
    /// [`RecordError`].
    pub fn to_record(&self) -> Result<Vec<u8>, RecordError> {
        check_digits(self.serial.as_bytes(), 15, "serial number of the card")?;
        check_digits(self.municipality.as_bytes(), 5, "municipality")?;
        check_digits(self.expires_on.as_bytes(), 8, "date of expiry")?;
        let parts = [self.serial.as_bytes(), self.municipality.as_bytes(), self.expires_on.as_bytes()];
        Ok(write(0x01, &parts)?)
    }

    /// Reads the record.
    ///
    /// # Errors
    /// [`RecordError`].
    pub fn parse(record: &[u8]) -> Result<Self, RecordError> {
        let mut reader = Reader::new(record);
        let value = reader.expect(0x01)?;
        reader.end_or_filler()?;
        check_digits(value, 28, "record")?;
        let text = str::from_utf8(value).map_err(|_| RecordError::Value("record"))?;
        let (serial, rest) = text.split_at(15);
        let (municipality, expires_on) = rest.split_at(5);
        Ok(Self {
            serial: serial.to_owned(),
            municipality: municipality.to_owned(),
            expires_on: expires_on.to_owned(),
        })
    }
}
