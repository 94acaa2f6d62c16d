//! Serial numbers as integers of 160 bits: what gaps and ranges are computed with. Zero is here a number like any other,
//! although no certificate has it.

use crate::key::SerialNumber;

/// Bytes of a serial number in a filter, big-endian.
pub(super) const WIDE_BYTES: usize = 20;
/// Bits of it.
pub(super) const WIDE_BITS: u32 = 160;

/// An integer of 160 bits. The derived order is that of the number. Has no `Debug`: serial numbers stay out of logs.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default)]
pub(super) struct Wide {
    high: u32,
    low: u128,
}

impl Wide {
    pub(super) fn from_be_bytes(bytes: &[u8; WIDE_BYTES]) -> Self {
        let high = bytes.first_chunk::<4>().copied().unwrap_or_default();
        let low = bytes.last_chunk::<16>().copied().unwrap_or_default();
        Self { high: u32::from_be_bytes(high), low: u128::from_be_bytes(low) }
    }

    pub(super) fn to_be_bytes(self) -> [u8; WIDE_BYTES] {
        let mut out = [0; WIDE_BYTES];
        for (to, from) in
            out.iter_mut().zip(self.high.to_be_bytes().into_iter().chain(self.low.to_be_bytes()))
        {
            *to = from;
        }
        out
    }

    pub(super) fn low(self) -> u128 {
        self.low
    }

    pub(super) fn high(self) -> u32 {
        self.high
    }

    pub(super) fn of_parts(high: u32, low: u128) -> Self {
        Self { high, low }
    }

    /// The same as 64 bits, if it has no more.
    pub(super) fn as_u64(self) -> Option<u64> {
        if self.high == 0 { u64::try_from(self.low).ok() } else { None }
    }

    pub(super) fn minus(self, other: Self) -> Option<Self> {
        let (low, borrowed) = self.low.overflowing_sub(other.low);
        let high = self.high.checked_sub(other.high)?.checked_sub(u32::from(borrowed))?;
        Some(Self { high, low })
    }

    pub(super) fn plus(self, other: Self) -> Option<Self> {
        let (low, carried) = self.low.overflowing_add(other.low);
        let high = self.high.checked_add(other.high)?.checked_add(u32::from(carried))?;
        Some(Self { high, low })
    }

    pub(super) fn next(self) -> Option<Self> {
        self.plus(Self::from(1))
    }

    /// Shifted right; zero from 160 places on.
    pub(super) fn shifted(self, places: u32) -> Self {
        match places {
            0 => self,
            1..=31 => Self {
                high: self.high >> places,
                low: (self.low >> places) | (u128::from(self.high) << (128 - places)),
            },
            32..=127 => {
                Self { high: 0, low: (self.low >> places) | (u128::from(self.high) << (128 - places)) }
            }
            128..=159 => Self { high: 0, low: u128::from(self.high) >> (places - 128) },
            _ => Self::default(),
        }
    }

    /// How many bits it has without leading zeros.
    pub(super) fn bits(self) -> u32 {
        WIDE_BITS - if self.high == 0 { 32 + self.low.leading_zeros() } else { self.high.leading_zeros() }
    }
}

impl From<u64> for Wide {
    fn from(value: u64) -> Self {
        Self { high: 0, low: u128::from(value) }
    }
}

impl From<&SerialNumber> for Wide {
    fn from(serial: &SerialNumber) -> Self {
        let mut bytes = [0; WIDE_BYTES];
        for (to, from) in bytes.iter_mut().rev().zip(serial.as_be_bytes().iter().rev()) {
            *to = *from;
        }
        Self::from_be_bytes(&bytes)
    }
}

/// `None` for zero.
pub(super) fn serial_of(wide: Wide) -> Option<SerialNumber> {
    SerialNumber::from_be_bytes(&wide.to_be_bytes()).ok()
}

#[cfg(test)]
mod tests {
    use super::{Wide, serial_of};
    use crate::key::SerialNumber;

    fn wide(hex: &str) -> Wide {
        Wide::from(&hex.parse::<SerialNumber>().unwrap())
    }

    #[test]
    fn arithmetic_carries_over_the_parts() {
        let top = wide("FFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFF");
        assert!(top.next().is_none() && Wide::default().minus(Wide::from(1)).is_none());
        let edge = wide("FFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFF");
        let over = edge.next().unwrap();
        assert!(over == wide("0100000000000000000000000000000000") && over > edge);
        assert!(over.minus(Wide::from(1)) == Some(edge));
        assert!(over.as_u64().is_none() && edge.as_u64().is_none());
        assert_eq!((top.bits(), over.bits(), edge.bits(), Wide::default().bits()), (160, 129, 128, 0));
    }

    #[test]
    fn a_shift_moves_every_bit() {
        let number = wide("80000000000000000000000000000000000000FF");
        for places in 0..=170 {
            let shifted = number.shifted(places);
            assert_eq!(shifted.bits(), 160_u32.saturating_sub(places), "{places}");
            assert_eq!(shifted.low() & 1, u128::from(places < 8 || places == 159), "{places}");
        }
    }

    #[test]
    fn a_serial_number_comes_back() {
        for hex in ["01", "FF", "0100", "7FFFFFFFFFFFFFFF01", "FF00000000000000000000000000000000000000"] {
            assert_eq!(serial_of(wide(hex)).unwrap().to_string(), hex);
        }
        assert!(serial_of(Wide::default()).is_none());
    }
}
