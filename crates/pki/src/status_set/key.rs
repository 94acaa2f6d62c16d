//! A serial number as a set has it: up to 64 bits as a number, else left-padded to 20 bytes. The order is numeric.

use crate::key::SerialNumber;

#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Key {
    /// Up to 64 bits.
    Short(u64),
    /// More.
    Long([u8; 20]),
}

impl std::fmt::Debug for Key {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        // Serial numbers stay out of logs (JPKI Act, art. 52).
        f.write_str("Key(…)")
    }
}

impl Key {
    pub(crate) fn of(serial: &SerialNumber) -> Self {
        match serial.short() {
            Some(short) => Self::Short(short),
            None => Self::Long(serial.padded()),
        }
    }

    /// Of 1 to 20 significant big-endian bytes.
    #[inline]
    pub(crate) fn of_be_bytes(bytes: &[u8]) -> Self {
        if bytes.len() <= 8 {
            return Self::Short(bytes.iter().fold(0, |number, byte| (number << 8) | u64::from(*byte)));
        }
        let mut padded = [0; 20];
        for (to, from) in padded.iter_mut().rev().zip(bytes.iter().rev()) {
            *to = *from;
        }
        Self::Long(padded)
    }

    /// 20 big-endian bytes: the order of bytes is that of numbers.
    #[inline]
    pub(crate) fn padded(self) -> [u8; 20] {
        match self {
            Self::Long(bytes) => bytes,
            Self::Short(number) => {
                let mut bytes = [0; 20];
                if let Some(end) = bytes.last_chunk_mut() {
                    *end = number.to_be_bytes();
                }
                bytes
            }
        }
    }

    /// The serial number; `None` for zero, which is none.
    pub(crate) fn serial(self) -> Option<SerialNumber> {
        SerialNumber::from_be_bytes(&self.padded()).ok()
    }
}
