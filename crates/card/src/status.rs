//! Status words of the card: JICSAP Table 25 and ISO 7816-4 5.1.3 (facts §4.3).

use std::fmt;

/// The two bytes that end every response.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct StatusWord(pub u16);

impl StatusWord {
    /// Done.
    pub const OK: Self = Self(0x9000);
    /// The data that came out is faulty.
    pub const OUTPUT_FAILURE: Self = Self(0x6281);
    /// The application is locked.
    pub const APPLICATION_LOCKED: Self = Self(0x6283);
    /// The PIN is wrong, and nothing counts the tries.
    pub const MISMATCH: Self = Self(0x6300);
    /// No more precise diagnosis; the memory is as it was.
    pub const EXECUTION_ERROR: Self = Self(0x6400);
    /// The memory could not be written.
    pub const MEMORY_FAILURE: Self = Self(0x6581);
    /// Lc or Le is wrong.
    pub const WRONG_LENGTH: Self = Self(0x6700);
    /// There is only logical channel 0.
    pub const LOGICAL_CHANNEL: Self = Self(0x6881);
    /// No secure messaging here.
    pub const SECURE_MESSAGING: Self = Self(0x6882);
    /// The command does not fit the file's structure.
    pub const FILE_STRUCTURE: Self = Self(0x6981);
    /// What must have been verified before was not.
    pub const SECURITY_STATUS: Self = Self(0x6982);
    /// The PIN or key is blocked.
    pub const KEY_LOCKED: Self = Self(0x6984);
    /// Conditions of use are not met.
    pub const CONDITIONS: Self = Self(0x6985);
    /// No elementary file is selected.
    pub const NO_CURRENT_FILE: Self = Self(0x6986);
    /// A data object of secure messaging is missing.
    pub const SM_OBJECT_MISSING: Self = Self(0x6987);
    /// A data object of secure messaging is wrong.
    pub const SM_OBJECT_WRONG: Self = Self(0x6988);
    /// The session of secure messaging is gone.
    pub const SM_SESSION_GONE: Self = Self(0x69FC);
    /// The key delivery of secure messaging is not set up.
    pub const NO_KEY_DELIVERY: Self = Self(0x66F1);
    /// Wrong tag in the data.
    pub const WRONG_DATA: Self = Self(0x6A80);
    /// The card has no such function.
    pub const FUNCTION: Self = Self(0x6A81);
    /// No such file or application.
    pub const FILE_NOT_FOUND: Self = Self(0x6A82);
    /// No such record.
    pub const RECORD_NOT_FOUND: Self = Self(0x6A83);
    /// No space in the file.
    pub const NO_SPACE: Self = Self(0x6A84);
    /// Lc contradicts the structure of the data.
    pub const LC_INCONSISTENT: Self = Self(0x6A85);
    /// P1 or P2 is wrong.
    pub const WRONG_P1_P2: Self = Self(0x6A86);
    /// Lc contradicts P1 and P2.
    pub const LC_CONTRADICTS_P1_P2: Self = Self(0x6A87);
    /// The key that is referred to does not exist.
    pub const KEY_NOT_FOUND: Self = Self(0x6A88);
    /// The offset lies behind the end of the file.
    pub const WRONG_OFFSET: Self = Self(0x6B00);
    /// Unknown instruction.
    pub const INSTRUCTION: Self = Self(0x6D00);
    /// Unknown class.
    pub const CLASS: Self = Self(0x6E00);
    /// The card's own diagnosis found a fault.
    pub const SELF_DIAGNOSIS: Self = Self(0x6F00);

    /// `63Cx`: the PIN is wrong, or was only asked about, and `tries` (0 to 15) are left.
    #[must_use]
    pub fn tries_left(tries: u8) -> Self {
        Self(0x63C0 | u16::from(tries.min(15)))
    }

    /// The tries of a `63Cx`.
    #[must_use]
    pub fn as_tries_left(self) -> Option<u8> {
        let [high, low] = self.0.to_be_bytes();
        (high == 0x63 && low & 0xF0 == 0xC0).then_some(low & 0x0F)
    }

    /// `61xx`: so many bytes are waiting for GET RESPONSE; 256 or more say `6100`.
    #[must_use]
    pub fn bytes_waiting(count: usize) -> Self {
        Self(0x6100 | u16::from(u8::try_from(count).unwrap_or(0)))
    }

    /// The bytes of a `61xx`, 1 to 256.
    #[must_use]
    pub fn as_bytes_waiting(self) -> Option<u32> {
        self.count_behind(0x61)
    }

    /// `6Cxx`: to be repeated with this Le, 1 to 256.
    #[must_use]
    pub fn repeat_with(le: usize) -> Self {
        Self(0x6C00 | u16::from(u8::try_from(le).unwrap_or(0)))
    }

    /// The Le of a `6Cxx`, 1 to 256.
    #[must_use]
    pub fn as_repeat_with(self) -> Option<u32> {
        self.count_behind(0x6C)
    }

    fn count_behind(self, expected: u8) -> Option<u32> {
        let [high, low] = self.0.to_be_bytes();
        (high == expected).then_some(if low == 0 { 256 } else { u32::from(low) })
    }

    /// Whether the command was done: `9000`, or `61xx`.
    #[must_use]
    pub fn is_ok(self) -> bool {
        self == Self::OK || self.as_bytes_waiting().is_some()
    }
}

impl fmt::Display for StatusWord {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:04X}", self.0)
    }
}

impl fmt::Debug for StatusWord {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "StatusWord({self})")
    }
}
