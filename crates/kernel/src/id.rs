//! Typed identifiers: a short prefix that names the kind, then 128 random bits in lower-case hex.
//! `rp_5f0c…` can never be passed where `ip_…` is meant.

use crate::Random;

/// A text that is not an identifier of the expected kind.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not an identifier of the kind `{prefix}_` with 32 lower-case hex digits")]
pub struct IdError {
    /// The prefix that was expected.
    pub prefix: &'static str,
}

/// Lower-case hex of `bytes`.
#[must_use]
pub fn hex_lower(bytes: &[u8]) -> String {
    const DIGITS: [char; 16] =
        ['0', '1', '2', '3', '4', '5', '6', '7', '8', '9', 'a', 'b', 'c', 'd', 'e', 'f'];
    let mut text = String::with_capacity(bytes.len() * 2);
    for byte in bytes {
        for nibble in [byte >> 4, byte & 15] {
            if let Some(digit) = DIGITS.get(usize::from(nibble)) {
                text.push(*digit);
            }
        }
    }
    text
}

/// A fresh body of 32 hex digits.
#[must_use]
pub fn random_body(random: &dyn Random) -> String {
    let mut bytes = [0; 16];
    random.fill(&mut bytes);
    hex_lower(&bytes)
}

/// Whether `body` has the form that [`random_body`] gives.
#[must_use]
pub fn valid_body(body: &str) -> bool {
    body.len() == 32 && body.bytes().all(|b| b.is_ascii_digit() || (b'a'..=b'f').contains(&b))
}

/// Defines an identifier type: `define_id!(/// A relying party. RelyingPartyId, "rp");`
#[macro_export]
macro_rules! define_id {
    ($(#[$doc:meta])* $name:ident, $prefix:literal) => {
        $(#[$doc])*
        #[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, ::serde::Serialize, ::serde::Deserialize)]
        #[serde(try_from = "String", into = "String")]
        pub struct $name(String);

        impl $name {
            /// A fresh identifier.
            #[must_use]
            pub fn generate(random: &dyn $crate::Random) -> Self {
                Self(format!("{}_{}", $prefix, $crate::random_body(random)))
            }

            /// The identifier's text.
            #[must_use]
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl ::std::str::FromStr for $name {
            type Err = $crate::IdError;

            fn from_str(text: &str) -> ::std::result::Result<Self, Self::Err> {
                match text.strip_prefix(concat!($prefix, "_")) {
                    Some(body) if $crate::valid_body(body) => Ok(Self(text.to_owned())),
                    _ => Err($crate::IdError { prefix: $prefix }),
                }
            }
        }

        impl ::std::convert::TryFrom<String> for $name {
            type Error = $crate::IdError;

            fn try_from(text: String) -> ::std::result::Result<Self, Self::Error> {
                text.parse()
            }
        }

        impl ::std::convert::From<$name> for String {
            fn from(id: $name) -> String {
                id.0
            }
        }

        impl ::std::fmt::Display for $name {
            fn fmt(&self, f: &mut ::std::fmt::Formatter<'_>) -> ::std::fmt::Result {
                f.write_str(&self.0)
            }
        }
    };
}

#[cfg(test)]
mod tests {
    use crate::SeededRandom;

    define_id!(
        /// An identifier for these tests.
        ProbeId, "probe");

    #[test]
    fn an_identifier_survives_its_text_form_and_refuses_every_other() {
        let id = ProbeId::generate(&SeededRandom::new([7; 32]));
        assert_eq!(id.as_str().parse::<ProbeId>().as_ref(), Ok(&id));
        for wrong in [
            "",
            "probe_",
            "rp_00112233445566778899aabbccddeeff",
            "probe_00",
            "probe_ZZ112233445566778899aabbccddeeff",
        ] {
            assert!(wrong.parse::<ProbeId>().is_err(), "{wrong}");
        }
    }
}
