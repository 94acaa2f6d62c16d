//! Object identifiers of CMS, CAdES and time-stamps.

use const_oid::ObjectIdentifier;

macro_rules! oids {
    ($($(#[$doc:meta])* $name:ident = $text:literal;)*) => {
        $($(#[$doc])* pub(crate) const $name: ObjectIdentifier = ObjectIdentifier::new_unwrap($text);)*
    };
}

oids! {
    /// `id-data` (RFC 5652 4).
    DATA = "1.2.840.113549.1.7.1";
    /// `id-signedData` (RFC 5652 5.1).
    SIGNED_DATA = "1.2.840.113549.1.7.2";
    /// `id-contentType` (RFC 5652 11.1).
    CONTENT_TYPE = "1.2.840.113549.1.9.3";
    /// `id-messageDigest` (RFC 5652 11.2).
    MESSAGE_DIGEST = "1.2.840.113549.1.9.4";
    /// `id-signingTime` (RFC 5652 11.3).
    SIGNING_TIME = "1.2.840.113549.1.9.5";
    /// `id-countersignature` (RFC 5652 11.4).
    COUNTER_SIGNATURE = "1.2.840.113549.1.9.6";
    /// `id-aa-CMSAlgorithmProtection` (RFC 6211).
    ALGORITHM_PROTECTION = "1.2.840.113549.1.9.52";
    /// `id-ct-TSTInfo` (RFC 3161 2.4.2).
    TST_INFO = "1.2.840.113549.1.9.16.1.4";
    /// `id-aa-signingCertificate` (RFC 2634 5.4, RFC 5035).
    SIGNING_CERTIFICATE = "1.2.840.113549.1.9.16.2.12";
    /// `id-aa-signingCertificateV2` (RFC 5035).
    SIGNING_CERTIFICATE_V2 = "1.2.840.113549.1.9.16.2.47";
    /// `id-aa-signatureTimeStampToken` (EN 319 122-1 5.3).
    SIGNATURE_TIME_STAMP = "1.2.840.113549.1.9.16.2.14";
    /// `id-aa-ets-contentTimestamp` (EN 319 122-1 5.2.8).
    CONTENT_TIME_STAMP = "1.2.840.113549.1.9.16.2.20";
    /// `id-aa-ets-certValues` (EN 319 122-1 A.1.1.2).
    CERTIFICATE_VALUES = "1.2.840.113549.1.9.16.2.23";
    /// `id-aa-ets-revocationValues` (EN 319 122-1 A.1.2.2).
    REVOCATION_VALUES = "1.2.840.113549.1.9.16.2.24";
    /// `id-aa-ets-escTimeStamp` (EN 319 122-1 A.1.5.2).
    ESC_TIME_STAMP = "1.2.840.113549.1.9.16.2.25";
    /// `id-aa-ets-certCRLTimestamp` (EN 319 122-1 A.1.5.1).
    CERT_CRL_TIME_STAMP = "1.2.840.113549.1.9.16.2.26";
    /// `id-aa-ets-archiveTimestamp` (RFC 3126).
    ARCHIVE_TIME_STAMP = "1.2.840.113549.1.9.16.2.27";
    /// `id-aa-ets-archiveTimestampV2` (EN 319 122-1 A.2.4).
    ARCHIVE_TIME_STAMP_V2 = "1.2.840.113549.1.9.16.2.48";
    /// `id-aa-ets-archiveTimestampV3` (EN 319 122-1 5.5.3).
    ARCHIVE_TIME_STAMP_V3 = "0.4.0.1733.2.4";
    /// `id-aa-ATSHashIndex` (TS 101 733 6.4.2).
    ATS_HASH_INDEX = "0.4.0.1733.2.5";
    /// `id-aa-ATSHashIndex-v3` (EN 319 122-1 5.5.2).
    ATS_HASH_INDEX_V3 = "0.4.0.19122.1.5";
    /// `adbe-revocationInfoArchival` (ISO 32000-2 12.8.3.3.2).
    ADBE_REVOCATION_INFO = "1.2.840.113583.1.1.8";
    /// `id-ri-ocsp-response` (RFC 5940 2.1).
    RI_OCSP_RESPONSE = "1.3.6.1.5.5.7.16.2";
    /// `id-pkix-ocsp-basic` (RFC 6960 4.2.1).
    OCSP_BASIC = "1.3.6.1.5.5.7.48.1.1";
}
