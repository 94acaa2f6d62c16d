//! Certificates and revocation data for the long term: in the `SignedData` (RFC 5652 10.2, RFC 5940) and in
//! attributes (EN 319 122-1 A.1.1.2, A.1.2.2; ISO 32000-2 12.8.3.3.2). Judges none of them.

use musubi_pki::MAX_CERTIFICATE_BYTES;

use super::ber::{Node, Nodes, Work};
use super::oid;
use super::signed_data::{MAX_CERTIFICATES, object_identifier};
use crate::model::NotASignature;

/// What came with a message or a signer, DER each.
#[derive(Debug, Clone, Default)]
pub(super) struct Values<'a> {
    pub(super) certificates: Vec<&'a [u8]>,
    pub(super) crls: Vec<&'a [u8]>,
    pub(super) ocsp: Vec<&'a [u8]>,
    /// Certificates that came, those that came before included.
    offered: usize,
}

const BAD: NotASignature = NotASignature::Malformed("certificate or revocation values");

impl<'a> Values<'a> {
    /// X.509 certificates among `CertificateChoices`; other kinds are passed over.
    pub(super) fn add_certificates(&mut self, choices: &[Node<'a>]) {
        let certificates =
            choices.iter().filter(|c| c.tag == 0x30 && c.raw.len() <= MAX_CERTIFICATE_BYTES).map(|c| c.raw);
        for certificate in certificates {
            self.offered = self.offered.saturating_add(1);
            if !self.certificates.contains(&certificate) {
                self.certificates.push(certificate);
            }
        }
    }

    /// `RevocationInfoChoices`: lists, and OCSP responses as another format (RFC 5940 2.1).
    pub(super) fn add_revocation(&mut self, choices: &[Node<'a>], work: &Work) -> Result<(), NotASignature> {
        for choice in choices {
            match choice.tag {
                0x30 => self.crls.push(choice.raw),
                0xA1 => {
                    let mut other = Nodes::new(choice.content, work);
                    let id = object_identifier(other.tagged(0x06, "revocation data without a format")?)?;
                    let value = other.any()?;
                    if id == oid::RI_OCSP_RESPONSE || id == oid::OCSP_BASIC {
                        self.ocsp.push(value.raw);
                    }
                }
                _ => {}
            }
        }
        Ok(())
    }

    /// `CertificateValues`.
    pub(super) fn add_certificate_values(
        &mut self,
        value: Node<'a>,
        work: &Work,
    ) -> Result<(), NotASignature> {
        if value.tag != 0x30 {
            return Err(BAD);
        }
        self.add_certificates(&Nodes::new(value.content, work).all(MAX_CERTIFICATES, "certificates")?);
        self.within_limits()
    }

    /// `RevocationValues`, or `RevocationInfoArchival`, which has the same form.
    pub(super) fn add_revocation_values(
        &mut self,
        value: Node<'a>,
        work: &Work,
    ) -> Result<(), NotASignature> {
        if value.tag != 0x30 {
            return Err(BAD);
        }
        let mut parts = Nodes::new(value.content, work);
        for (tag, to) in [(0xA0, &mut self.crls), (0xA1, &mut self.ocsp)] {
            let Some(explicit) = parts.optional(tag)? else { continue };
            let mut inner = Nodes::new(explicit.content, work);
            let list = inner.inside(0x30, "revocation values")?.all(MAX_CERTIFICATES, "revocation data")?;
            inner.end("revocation values")?;
            to.extend(list.iter().map(|node| node.raw));
        }
        // Other formats.
        parts.optional(0xA2)?;
        parts.end("revocation values")?;
        self.within_limits()
    }

    fn within_limits(&self) -> Result<(), NotASignature> {
        let most = self.offered.max(self.crls.len()).max(self.ocsp.len());
        let limit = 2 * MAX_CERTIFICATES;
        if most <= limit {
            Ok(())
        } else {
            Err(NotASignature::TooMuch { what: "certificates or revocation data", limit })
        }
    }
}
