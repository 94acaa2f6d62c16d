//! What names a certificate, and why one is revoked.

use std::fmt;
use std::str::FromStr;

/// A text that is not an authority, a serial number or a reason.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not an authority, a serial number or a revocation reason")]
pub struct KeyError;

/// The two authorities (認証局) of the JPKI. Each has several generations under one name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum AuthorityKind {
    /// 署名用認証局: issues digital-signature certificates (署名用電子証明書).
    DigitalSignature,
    /// 利用者証明用認証局: issues user-authentication certificates (利用者証明用電子証明書).
    UserAuthentication,
}

impl AuthorityKind {
    /// Both.
    pub const ALL: [Self; 2] = [Self::DigitalSignature, Self::UserAuthentication];

    /// `digital_signature` or `user_authentication`: the name on the wire and in the database.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::DigitalSignature => "digital_signature",
            Self::UserAuthentication => "user_authentication",
        }
    }

    /// The other authority.
    #[must_use]
    pub fn counterpart(self) -> Self {
        match self {
            Self::DigitalSignature => Self::UserAuthentication,
            Self::UserAuthentication => Self::DigitalSignature,
        }
    }
}

impl fmt::Display for AuthorityKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl FromStr for AuthorityKind {
    type Err = KeyError;

    fn from_str(text: &str) -> Result<Self, KeyError> {
        Self::ALL.into_iter().find(|kind| kind.as_str() == text).ok_or(KeyError)
    }
}

/// 発行の番号: a positive integer of at most 20 bytes (RFC 5280 4.1.2.2), unique within one authority across
/// its generations. Its text is upper-case hex in whole bytes, as `openssl x509 -serial` prints it.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct SerialNumber {
    /// From the left, then zeros: so the derived order is that of the significant bytes.
    bytes: [u8; 20],
    length: u8,
}

impl SerialNumber {
    /// From unsigned big-endian bytes; leading zeros are dropped.
    ///
    /// # Errors
    /// [`KeyError`] if it is zero or longer than 20 bytes.
    pub fn from_be_bytes(bytes: &[u8]) -> Result<Self, KeyError> {
        let zeros = bytes.iter().take_while(|b| **b == 0).count();
        let significant = bytes.get(zeros..).filter(|s| !s.is_empty()).ok_or(KeyError)?;
        let mut bytes = [0; 20];
        bytes.get_mut(..significant.len()).ok_or(KeyError)?.copy_from_slice(significant);
        Ok(Self { bytes, length: u8::try_from(significant.len()).map_err(|_| KeyError)? })
    }

    /// Unsigned big-endian bytes without leading zeros.
    #[must_use]
    pub fn as_be_bytes(&self) -> &[u8] {
        self.bytes.get(..usize::from(self.length)).unwrap_or_default()
    }

    /// As a number; `None` if it has more than 64 bits.
    #[inline]
    #[must_use]
    pub fn short(&self) -> Option<u64> {
        let unused = 8_u8.checked_sub(self.length)?;
        // At least one byte is used.
        self.bytes.first_chunk().map(|bytes| u64::from_be_bytes(*bytes) >> (8 * (unused & 7)))
    }

    /// Left-padded to 20 bytes: the order of bytes is that of numbers.
    pub(crate) fn padded(&self) -> [u8; 20] {
        let mut bytes = [0; 20];
        for (to, from) in bytes.iter_mut().rev().zip(self.as_be_bytes().iter().rev()) {
            *to = *from;
        }
        bytes
    }
}

impl From<u32> for SerialNumber {
    /// # Panics
    /// Never; zero becomes one, since no certificate has the serial number zero.
    fn from(value: u32) -> Self {
        Self::from_be_bytes(&value.to_be_bytes()).unwrap_or_else(|_| {
            let mut one = [0; 20];
            one[0] = 1;
            Self { bytes: one, length: 1 }
        })
    }
}

impl fmt::Display for SerialNumber {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.as_be_bytes().iter().try_for_each(|byte| write!(f, "{byte:02X}"))
    }
}

impl fmt::Debug for SerialNumber {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // Serial numbers stay out of logs (JPKI Act, art. 52).
        f.write_str("SerialNumber(…)")
    }
}

impl FromStr for SerialNumber {
    type Err = KeyError;

    fn from_str(text: &str) -> Result<Self, KeyError> {
        if text.len() > 42 {
            return Err(KeyError);
        }
        Self::from_be_bytes(&hex::decode(text).map_err(|_| KeyError)?)
    }
}

/// Certificate key = (authority, serial number). Never the serial number alone.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct CertKey {
    /// The issuing authority.
    pub authority: AuthorityKind,
    /// The serial number within it.
    pub serial: SerialNumber,
}

/// CRLReason (RFC 5280 5.3.1) with its meaning in the JPKI's practice statement (CPS 4.9.9).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum RevocationReason {
    /// 0: destroyed before it was handed over (交付前に破棄).
    Unspecified,
    /// 1: the holder's private key was compromised.
    KeyCompromise,
    /// 2: the authority's private key was compromised.
    CaCompromise,
    /// 3: one of the four basic attributes changed; signing certificates only.
    AffiliationChanged,
    /// 4: the certificate was renewed.
    Superseded,
    /// 5: no longer needed: death, move abroad, return.
    CessationOfOperation,
    /// 6: suspended on doubt about the key. The JPKI never releases a hold.
    CertificateHold,
    /// 9: privilege withdrawn; not used by the JPKI.
    PrivilegeWithdrawn,
    /// 10: attribute authority compromised; not used by the JPKI.
    AaCompromise,
}

impl RevocationReason {
    /// The seven that the JPKI uses.
    pub const JPKI: [Self; 7] = [
        Self::Unspecified,
        Self::KeyCompromise,
        Self::CaCompromise,
        Self::AffiliationChanged,
        Self::Superseded,
        Self::CessationOfOperation,
        Self::CertificateHold,
    ];

    /// The ENUMERATED value.
    #[must_use]
    pub fn code(self) -> u8 {
        match self {
            Self::Unspecified => 0,
            Self::KeyCompromise => 1,
            Self::CaCompromise => 2,
            Self::AffiliationChanged => 3,
            Self::Superseded => 4,
            Self::CessationOfOperation => 5,
            Self::CertificateHold => 6,
            Self::PrivilegeWithdrawn => 9,
            Self::AaCompromise => 10,
        }
    }

    /// From the ENUMERATED value. `removeFromCRL` (8) is no reason to be revoked and gives `None`.
    #[must_use]
    pub fn from_code(code: u8) -> Option<Self> {
        Some(match code {
            0 => Self::Unspecified,
            1 => Self::KeyCompromise,
            2 => Self::CaCompromise,
            3 => Self::AffiliationChanged,
            4 => Self::Superseded,
            5 => Self::CessationOfOperation,
            6 => Self::CertificateHold,
            9 => Self::PrivilegeWithdrawn,
            10 => Self::AaCompromise,
            _ => return None,
        })
    }

    /// The name in RFC 5280's ASN.1, as used on the wire and in the database.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Unspecified => "unspecified",
            Self::KeyCompromise => "keyCompromise",
            Self::CaCompromise => "cACompromise",
            Self::AffiliationChanged => "affiliationChanged",
            Self::Superseded => "superseded",
            Self::CessationOfOperation => "cessationOfOperation",
            Self::CertificateHold => "certificateHold",
            Self::PrivilegeWithdrawn => "privilegeWithdrawn",
            Self::AaCompromise => "aACompromise",
        }
    }
}

impl fmt::Display for RevocationReason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl FromStr for RevocationReason {
    type Err = KeyError;

    fn from_str(text: &str) -> Result<Self, KeyError> {
        (0..=10).filter_map(Self::from_code).find(|reason| reason.as_str() == text).ok_or(KeyError)
    }
}

macro_rules! serde_as_text {
    ($($name:ident),*) => {$(
        impl serde::Serialize for $name {
            fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.collect_str(self)
            }
        }
        impl<'de> serde::Deserialize<'de> for $name {
            fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                String::deserialize(deserializer)?.parse().map_err(serde::de::Error::custom)
            }
        }
    )*};
}
serde_as_text!(AuthorityKind, SerialNumber, RevocationReason);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn serial_numbers_have_one_form() {
        let serial: SerialNumber = "001EE607".parse().unwrap();
        assert_eq!(serial.to_string(), "1EE607");
        assert_eq!(serial, SerialNumber::from(0x1E_E607));
        for wrong in ["", "00", "xyz", "1EE60", &"AA".repeat(21)] {
            assert!(wrong.parse::<SerialNumber>().is_err(), "{wrong}");
        }
    }

    #[test]
    fn reasons_round_trip_and_remove_from_crl_is_none() {
        for code in 0..=12 {
            match RevocationReason::from_code(code) {
                Some(reason) => assert_eq!(reason.as_str().parse(), Ok(reason)),
                None => assert!([7, 8, 11, 12].contains(&code)),
            }
        }
    }
}
