//! The identifiers of algorithms (XMLDSIG 1.1 6, RFC 9231): closed lists. What is not here is refused: HMAC (a key
//! that verifies is a key that signs), DSA, MD5, SHA-3, XPath, XPath Filter 2.0, XSLT, Decrypt.

use musubi_crypto::{DigestAlgorithm, SignatureAlgorithm};

use super::c14n::Form;

/// `ds`.
pub(super) const DS: &str = "http://www.w3.org/2000/09/xmldsig#";
/// Exclusive canonicalisation, of its `InclusiveNamespaces`.
pub(super) const EXCLUSIVE: &str = "http://www.w3.org/2001/10/xml-exc-c14n#";
/// `xades`, of EN 319 132-1 and of TS 101 903 since 1.3.2.
pub(super) const XADES: &str = "http://uri.etsi.org/01903/v1.3.2#";
/// `xadesv141`.
pub(super) const XADES_141: &str = "http://uri.etsi.org/01903/v1.4.1#";

/// `Type` of the reference to the signed properties (EN 319 132-1 4.4.2).
pub(super) const SIGNED_PROPERTIES_TYPE: &str = "http://uri.etsi.org/01903#SignedProperties";
/// `Type` of the reference of a counter-signature (EN 319 132-1 5.2.7.1).
pub(super) const COUNTERSIGNED_TYPE: &str = "http://uri.etsi.org/01903#CountersignedSignature";

/// The enveloped-signature transform (XMLDSIG 1.1 6.6.4).
pub(super) const ENVELOPED: &str = "http://www.w3.org/2000/09/xmldsig#enveloped-signature";
/// The base64 transform (XMLDSIG 1.1 6.6.2).
pub(super) const BASE64: &str = "http://www.w3.org/2000/09/xmldsig#base64";

/// A canonicalisation method: its form, and whether it has comments.
pub(super) fn canonicalization(uri: &str) -> Option<(Form, bool)> {
    Some(match uri {
        "http://www.w3.org/TR/2001/REC-xml-c14n-20010315" => (Form::Inclusive, false),
        "http://www.w3.org/TR/2001/REC-xml-c14n-20010315#WithComments" => (Form::Inclusive, true),
        "http://www.w3.org/2006/12/xml-c14n11" => (Form::Inclusive11, false),
        "http://www.w3.org/2006/12/xml-c14n11#WithComments" => (Form::Inclusive11, true),
        "http://www.w3.org/2001/10/xml-exc-c14n#" => (Form::Exclusive, false),
        "http://www.w3.org/2001/10/xml-exc-c14n#WithComments" => (Form::Exclusive, true),
        _ => return None,
    })
}

/// A digest method.
pub(super) fn digest(uri: &str) -> Option<DigestAlgorithm> {
    Some(match uri {
        "http://www.w3.org/2000/09/xmldsig#sha1" => DigestAlgorithm::Sha1,
        "http://www.w3.org/2001/04/xmlenc#sha256" => DigestAlgorithm::Sha256,
        "http://www.w3.org/2001/04/xmldsig-more#sha384" => DigestAlgorithm::Sha384,
        "http://www.w3.org/2001/04/xmlenc#sha512" => DigestAlgorithm::Sha512,
        _ => return None,
    })
}

/// A signature method.
pub(super) fn signature(uri: &str) -> Option<SignatureAlgorithm> {
    Some(match uri {
        "http://www.w3.org/2000/09/xmldsig#rsa-sha1" => SignatureAlgorithm::RsaPkcs1Sha1,
        "http://www.w3.org/2001/04/xmldsig-more#rsa-sha256" => SignatureAlgorithm::RsaPkcs1Sha256,
        "http://www.w3.org/2001/04/xmldsig-more#rsa-sha384" => SignatureAlgorithm::RsaPkcs1Sha384,
        "http://www.w3.org/2001/04/xmldsig-more#rsa-sha512" => SignatureAlgorithm::RsaPkcs1Sha512,
        "http://www.w3.org/2007/05/xmldsig-more#sha256-rsa-MGF1" => SignatureAlgorithm::RsaPssSha256,
        "http://www.w3.org/2007/05/xmldsig-more#sha384-rsa-MGF1" => SignatureAlgorithm::RsaPssSha384,
        "http://www.w3.org/2007/05/xmldsig-more#sha512-rsa-MGF1" => SignatureAlgorithm::RsaPssSha512,
        "http://www.w3.org/2001/04/xmldsig-more#ecdsa-sha256" => SignatureAlgorithm::EcdsaSha256,
        "http://www.w3.org/2001/04/xmldsig-more#ecdsa-sha384" => SignatureAlgorithm::EcdsaSha384,
        "http://www.w3.org/2001/04/xmldsig-more#ecdsa-sha512" => SignatureAlgorithm::EcdsaSha512,
        "http://www.w3.org/2021/04/xmldsig-more#eddsa-ed25519" => SignatureAlgorithm::Ed25519,
        _ => return None,
    })
}
