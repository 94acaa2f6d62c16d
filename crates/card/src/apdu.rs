//! Commands and responses of ISO/IEC 7816-4 5.1, short and extended. Interprets no command.

use std::fmt;

use zeroize::Zeroizing;

use crate::status::StatusWord;

/// The longest expected answer of a short command, in bytes; `Le` says so with `00`.
pub const SHORT_LE: u32 = 256;
/// The longest expected answer of an extended command, in bytes; `Le` says so with `00 00`.
pub const EXTENDED_LE: u32 = 65_536;
/// The longest command: extended header, 65,535 bytes of data, extended `Le`.
pub const MAX_COMMAND_BYTES: usize = 4 + 3 + 65_535 + 2;

/// A command to the card. `Debug` shows the header and lengths, never the data: it may be a PIN.
#[derive(Clone, PartialEq, Eq)]
pub struct CommandApdu {
    /// Class byte.
    pub cla: u8,
    /// Instruction.
    pub ins: u8,
    /// First parameter.
    pub p1: u8,
    /// Second parameter.
    pub p2: u8,
    /// Command data, at most 65,535 bytes; wiped when dropped.
    data: Zeroizing<Vec<u8>>,
    /// How many bytes are expected in answer at most, 1 to 65,536; `None` if none.
    le: Option<u32>,
    /// Whether the lengths were, or will be, written in three bytes and two.
    extended: bool,
}

/// Bytes that are no command.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum ApduError {
    /// Fewer than the four bytes of the header.
    #[error("a command has at least four bytes")]
    TooShort,
    /// The lengths contradict each other, or there are bytes behind the end.
    #[error("the lengths of the command contradict each other")]
    Lengths,
    /// More data than 65,535 bytes, or an `Le` of 0 or above 65,536.
    #[error("the command is too long")]
    TooLong,
    /// A response of fewer than two bytes.
    #[error("a response has at least two bytes")]
    NoStatus,
}

impl CommandApdu {
    /// A command without data that expects no answer (case 1).
    #[must_use]
    pub fn new(cla: u8, ins: u8, p1: u8, p2: u8) -> Self {
        Self { cla, ins, p1, p2, data: Zeroizing::default(), le: None, extended: false }
    }

    /// With data; extended if it is longer than 255 bytes.
    ///
    /// # Errors
    /// [`ApduError::TooLong`] above 65,535 bytes.
    pub fn with_data(mut self, data: &[u8]) -> Result<Self, ApduError> {
        if data.len() > 0xFFFF {
            return Err(ApduError::TooLong);
        }
        self.extended |= data.len() > 0xFF;
        self.data = Zeroizing::new(data.to_vec());
        Ok(self)
    }

    /// Expecting at most `le` bytes; extended above 256.
    ///
    /// # Errors
    /// [`ApduError::TooLong`] if `le` is 0 or above 65,536.
    pub fn expecting(mut self, le: u32) -> Result<Self, ApduError> {
        if le == 0 || le > EXTENDED_LE {
            return Err(ApduError::TooLong);
        }
        self.extended |= le > SHORT_LE;
        self.le = Some(le);
        Ok(self)
    }

    /// The command data.
    #[must_use]
    pub fn data(&self) -> &[u8] {
        &self.data
    }

    /// The most bytes that are expected in answer.
    #[must_use]
    pub fn le(&self) -> Option<u32> {
        self.le
    }

    /// Whether the lengths are in the extended form.
    #[must_use]
    pub fn is_extended(&self) -> bool {
        self.extended
    }

    /// Reads a command in any of the seven forms of ISO 7816-4 Table 1.
    ///
    /// # Errors
    /// [`ApduError::TooShort`], [`ApduError::Lengths`].
    pub fn parse(bytes: &[u8]) -> Result<Self, ApduError> {
        let (header, body) = bytes.split_first_chunk::<4>().ok_or(ApduError::TooShort)?;
        let [cla, ins, p1, p2] = *header;
        let command = |data: &[u8], le, extended| Self {
            cla,
            ins,
            p1,
            p2,
            data: Zeroizing::new(data.to_vec()),
            le,
            extended,
        };
        let short = |byte: u8| if byte == 0 { SHORT_LE } else { u32::from(byte) };
        let long = |high: u8, low: u8| match u16::from_be_bytes([high, low]) {
            0 => EXTENDED_LE,
            le => u32::from(le),
        };
        match *body {
            [] => Ok(command(&[], None, false)),
            [le] => Ok(command(&[], Some(short(le)), false)),
            [0, high, low] => Ok(command(&[], Some(long(high, low)), true)),
            [0, high, low, ref rest @ ..] => {
                let lc = usize::from(u16::from_be_bytes([high, low]));
                match (lc, rest.split_at_checked(lc)) {
                    (1.., Some((data, []))) => Ok(command(data, None, true)),
                    (1.., Some((data, &[high, low]))) => Ok(command(data, Some(long(high, low)), true)),
                    _ => Err(ApduError::Lengths),
                }
            }
            [lc, ref rest @ ..] => match (lc, rest.split_at_checked(usize::from(lc))) {
                (1.., Some((data, []))) => Ok(command(data, None, false)),
                (1.., Some((data, &[le]))) => Ok(command(data, Some(short(le)), false)),
                _ => Err(ApduError::Lengths),
            },
        }
    }

    /// The command's bytes.
    #[must_use]
    pub fn to_bytes(&self) -> Vec<u8> {
        let mut bytes = vec![self.cla, self.ins, self.p1, self.p2];
        // Both fit by construction; an Le of 256 or 65,536 is written as zeros.
        let lc = u16::try_from(self.data.len()).unwrap_or(u16::MAX).to_be_bytes();
        let le = self.le.map(|le| u16::try_from(le).unwrap_or(0).to_be_bytes());
        if self.extended {
            if !self.data.is_empty() || le.is_some() {
                bytes.push(0);
            }
            if !self.data.is_empty() {
                bytes.extend(lc);
                bytes.extend(self.data.iter());
            }
            bytes.extend(le.into_iter().flatten());
        } else {
            if !self.data.is_empty() {
                bytes.push(lc[1]);
                bytes.extend(self.data.iter());
            }
            bytes.extend(le.map(|le| le[1]));
        }
        bytes
    }
}

impl fmt::Debug for CommandApdu {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { cla, ins, p1, p2, .. } = self;
        write!(f, "{cla:02X} {ins:02X} {p1:02X} {p2:02X} [{} bytes]", self.data.len())?;
        match self.le {
            Some(le) => write!(f, " Le={le}"),
            None => Ok(()),
        }
    }
}

/// A card's answer. `Debug` shows its length and the status word: the data may be a person's.
#[derive(Clone, PartialEq, Eq)]
pub struct ResponseApdu {
    /// Response data.
    pub data: Vec<u8>,
    /// How it went.
    pub status: StatusWord,
}

impl ResponseApdu {
    /// Reads a response: data and two bytes of status.
    ///
    /// # Errors
    /// [`ApduError::NoStatus`].
    pub fn parse(bytes: &[u8]) -> Result<Self, ApduError> {
        let (data, status) = bytes.split_last_chunk::<2>().ok_or(ApduError::NoStatus)?;
        Ok(Self { data: data.to_vec(), status: StatusWord(u16::from_be_bytes(*status)) })
    }

    /// The response's bytes.
    #[must_use]
    pub fn to_bytes(&self) -> Vec<u8> {
        [self.data.as_slice(), &self.status.0.to_be_bytes()].concat()
    }
}

impl fmt::Debug for ResponseApdu {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "[{} bytes] {}", self.data.len(), self.status)
    }
}

impl From<StatusWord> for ResponseApdu {
    fn from(status: StatusWord) -> Self {
        Self { data: Vec::new(), status }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn read(hex: &str) -> Result<CommandApdu, ApduError> {
        CommandApdu::parse(&hex::decode(hex.replace(' ', "")).unwrap())
    }

    #[test]
    fn every_form_of_the_standard_is_read_and_written_the_same_way() {
        for (text, data, le, extended) in [
            ("00A40000", 0, None, false),
            ("00B0000000", 0, Some(256), false),
            ("00B00000FF", 0, Some(255), false),
            ("00A4020C020018", 2, None, false),
            ("802A008002AABB00", 2, Some(256), false),
            ("00B00000000100", 0, Some(256), true),
            ("00B00000000000", 0, Some(65_536), true),
            ("80AE0000 000002 AABB", 2, None, true),
            ("80AE0000 000002 AABB 0000", 2, Some(65_536), true),
        ] {
            let command = read(text).unwrap();
            assert_eq!(
                (command.data().len(), command.le(), command.is_extended()),
                (data, le, extended),
                "{text}"
            );
            assert_eq!(hex::encode_upper(command.to_bytes()), text.replace(' ', ""));
        }
    }

    #[test]
    fn contradicting_lengths_are_refused() {
        for text in [
            "00A4020C 03 0018",
            "00A4020C 02 0018 0000",
            "00A4020C 0000",
            "80AE0000 000003 AABB",
            "80AE0000 000002 AABB 00",
            "00A40000 000000 00",
        ] {
            assert_eq!(read(text), Err(ApduError::Lengths), "{text}");
        }
        for text in ["", "00", "00A400"] {
            assert_eq!(read(text), Err(ApduError::TooShort), "{text}");
        }
    }

    #[test]
    fn what_goes_to_the_card_and_comes_from_it_is_not_printed() {
        let verify = read("0020008004 31323334").unwrap();
        assert_eq!(format!("{verify:?}"), "00 20 00 80 [4 bytes]");
        let answer = ResponseApdu::parse(b"1234\x90\x00").unwrap();
        assert_eq!(format!("{answer:?}"), "[4 bytes] 9000");
    }

    proptest! {
        #[test]
        fn what_is_read_is_written_the_same_way(bytes in proptest::collection::vec(any::<u8>(), 0..300)) {
            if let Ok(command) = CommandApdu::parse(&bytes) {
                prop_assert_eq!(command.to_bytes(), bytes);
            }
        }
    }
}
