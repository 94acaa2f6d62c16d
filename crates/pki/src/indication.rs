//! The vocabulary of verdicts: ETSI EN 319 102-1, tables 5 and 6.

use std::fmt;

use serde::Serialize;

/// The status of a signature.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Indication {
    /// Every check passed.
    TotalPassed,
    /// The signature is certainly bad.
    TotalFailed,
    /// What is at hand does not decide it.
    Indeterminate,
}

impl Indication {
    /// `TOTAL-PASSED`, `TOTAL-FAILED` or `INDETERMINATE`.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::TotalPassed => "TOTAL-PASSED",
            Self::TotalFailed => "TOTAL-FAILED",
            Self::Indeterminate => "INDETERMINATE",
        }
    }
}

macro_rules! sub_indications {
    ($($indication:ident { $($(#[$doc:meta])* $name:ident = $text:literal;)* })*) => {
        /// Why an indication is not TOTAL-PASSED. Each belongs to one indication.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
        pub enum SubIndication { $($($(#[$doc])* $name,)*)* }

        impl SubIndication {
            /// All 25.
            pub const ALL: &[Self] = &[$($(Self::$name,)*)*];

            /// The standard's name.
            #[must_use]
            pub fn as_str(self) -> &'static str {
                match self { $($(Self::$name => $text,)*)* }
            }

            /// The indication to which it belongs.
            #[must_use]
            pub fn indication(self) -> Indication {
                match self { $($(Self::$name => Indication::$indication,)*)* }
            }
        }
    };
}

sub_indications! {
    TotalFailed {
        /// Not the form of a signature or certificate.
        FormatFailure = "FORMAT_FAILURE";
        /// A digest of signed data differs.
        HashFailure = "HASH_FAILURE";
        /// The signature value does not verify.
        SigCryptoFailure = "SIG_CRYPTO_FAILURE";
        /// Revoked, and the signature was certainly made after that.
        Revoked = "REVOKED";
        /// Expired, and the signature was certainly made after that.
        Expired = "EXPIRED";
        /// The signature was certainly made before the validity period.
        NotYetValid = "NOT_YET_VALID";
    }
    Indeterminate {
        /// An attribute of the signature does not meet the constraints.
        SigConstraintsFailure = "SIG_CONSTRAINTS_FAILURE";
        /// The certificate chain does not meet the constraints.
        ChainConstraintsFailure = "CHAIN_CONSTRAINTS_FAILURE";
        /// Path validation failed for another reason.
        CertificateChainGeneralFailure = "CERTIFICATE_CHAIN_GENERAL_FAILURE";
        /// An algorithm or key length does not meet the constraints.
        CryptoConstraintsFailure = "CRYPTO_CONSTRAINTS_FAILURE";
        /// The signature policy could not be processed.
        PolicyProcessingError = "POLICY_PROCESSING_ERROR";
        /// The signature policy is not available.
        SignaturePolicyNotAvailable = "SIGNATURE_POLICY_NOT_AVAILABLE";
        /// Time-stamps are out of order.
        TimestampOrderFailure = "TIMESTAMP_ORDER_FAILURE";
        /// There is no signing certificate.
        NoSigningCertificateFound = "NO_SIGNING_CERTIFICATE_FOUND";
        /// No chain to a trust anchor.
        NoCertificateChainFound = "NO_CERTIFICATE_CHAIN_FOUND";
        /// No chain to an anchor that was trusted at a proven time.
        NoCertificateChainFoundNoPoe = "NO_CERTIFICATE_CHAIN_FOUND_NO_POE";
        /// Revoked; the signature may be older.
        RevokedNoPoe = "REVOKED_NO_POE";
        /// The authority's certificate is revoked; the signature may be older.
        RevokedCaNoPoe = "REVOKED_CA_NO_POE";
        /// Out of the validity period, known not to be revoked.
        OutOfBoundsNotRevoked = "OUT_OF_BOUNDS_NOT_REVOKED";
        /// Out of the validity period; the signature may have been made in it.
        OutOfBoundsNoPoe = "OUT_OF_BOUNDS_NO_POE";
        /// The signer of the revocation data is out of its validity period.
        RevocationOutOfBoundsNoPoe = "REVOCATION_OUT_OF_BOUNDS_NO_POE";
        /// An algorithm was broken; the signature may be older.
        CryptoConstraintsFailureNoPoe = "CRYPTO_CONSTRAINTS_FAILURE_NO_POE";
        /// No proof of existence.
        NoPoe = "NO_POE";
        /// Later there may be enough to decide.
        TryLater = "TRY_LATER";
        /// The signed data are absent.
        SignedDataNotFound = "SIGNED_DATA_NOT_FOUND";
    }
}

macro_rules! text_in_json {
    ($($name:ident),*) => {$(
        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(self.as_str())
            }
        }
        impl Serialize for $name {
            fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.serialize_str(self.as_str())
            }
        }
    )*};
}
text_in_json!(Indication, SubIndication);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn there_are_25_sub_indications_and_none_passes() {
        assert_eq!(SubIndication::ALL.len(), 25);
        let failed = SubIndication::ALL.iter().filter(|s| s.indication() == Indication::TotalFailed).count();
        assert_eq!(failed, 6);
        assert!(SubIndication::ALL.iter().all(|s| s.indication() != Indication::TotalPassed));
    }
}
