//! `ContentInfo` and `SignedData` (RFC 5652 3, 5.1): what is in the container, nothing judged.

use std::cell::RefCell;

use const_oid::ObjectIdentifier;
use musubi_crypto::{Digest, DigestAlgorithm, Hasher};
use musubi_pki::asn1;

use super::ber::{self, Node, Nodes, Work};
use super::oid;
use crate::model::NotASignature;

/// Bytes of the structure, the content not counted.
pub(crate) const MAX_STRUCTURE_BYTES: usize = 32 << 20;
/// Certificates, and as many entries of revocation data, in one `SignedData`.
pub(crate) const MAX_CERTIFICATES: usize = 200;
/// Signers of one `SignedData`.
pub(crate) const MAX_SIGNERS: usize = 32;

/// A `SignedData` as it stands in the input.
pub(crate) struct SignedData<'a> {
    /// `eContentType`.
    pub(crate) content_type: ObjectIdentifier,
    /// The same with tag and length.
    pub(crate) content_type_raw: &'a [u8],
    /// `eContent`, in the pieces in which it stands.
    pub(crate) content: Option<Vec<&'a [u8]>>,
    /// `CertificateChoices`, each with tag and length.
    pub(crate) certificates: Vec<Node<'a>>,
    /// `RevocationInfoChoice`s, each with tag and length.
    pub(crate) revocation: Vec<Node<'a>>,
    /// `SignerInfo`s, not looked into.
    pub(crate) signers: Vec<Node<'a>>,
}

impl<'a> SignedData<'a> {
    /// Reads all of `cms`.
    pub(crate) fn parse(cms: &'a [u8], work: &Work) -> Result<Self, NotASignature> {
        let mut file = Nodes::new(cms, work);
        let mut info = file.inside(0x30, "not a ContentInfo")?;
        file.end("bytes after the ContentInfo")?;
        let kind = info.tagged(0x06, "ContentInfo without a type")?;
        if object_identifier(kind)? != oid::SIGNED_DATA {
            return Err(NotASignature::Malformed("not SignedData"));
        }
        let mut explicit = info.inside(0xA0, "ContentInfo without content")?;
        info.end("more than one content in the ContentInfo")?;
        let mut fields = explicit.inside(0x30, "not a SignedData")?;
        explicit.end("bytes after the SignedData")?;
        let data = Self::read_fields(&mut fields, work)?;
        let content: usize = data.content.iter().flatten().map(|piece| piece.len()).sum();
        if cms.len().saturating_sub(content) > MAX_STRUCTURE_BYTES {
            return Err(NotASignature::TooMuch {
                what: "bytes beside the content",
                limit: MAX_STRUCTURE_BYTES,
            });
        }
        Ok(data)
    }

    fn read_fields(fields: &mut Nodes<'a, '_>, work: &Work) -> Result<Self, NotASignature> {
        // The version follows from what is inside; signers disagree on it and nothing depends on it.
        fields.tagged(0x02, "SignedData without a version")?;
        fields.tagged(0x31, "SignedData without digest algorithms")?;
        let mut encapsulated = fields.inside(0x30, "SignedData without encapContentInfo")?;
        let kind = encapsulated.tagged(0x06, "encapContentInfo without a type")?;
        let content = match encapsulated.optional(0xA0)? {
            None => None,
            Some(explicit) => {
                let mut inner = Nodes::new(explicit.content, work);
                let string = inner.any()?;
                inner.end("more than one eContent")?;
                Some(ber::octets(string, work, "eContent is not an OCTET STRING")?)
            }
        };
        encapsulated.end("bytes after eContent")?;
        let mut list = |tag, what| match fields.optional(tag)? {
            None => Ok(Vec::new()),
            Some(set) => Nodes::new(set.content, work).all(MAX_CERTIFICATES, what),
        };
        let certificates = list(0xA0, "certificates")?;
        let revocation = list(0xA1, "revocation data")?;
        let signers = fields.inside(0x31, "SignedData without signerInfos")?.all(MAX_SIGNERS, "signers")?;
        fields.end("bytes after signerInfos")?;
        Ok(Self {
            content_type: object_identifier(kind)?,
            content_type_raw: kind.raw,
            content,
            certificates,
            revocation,
            signers,
        })
    }
}

/// An OBJECT IDENTIFIER.
pub(crate) fn object_identifier(node: Node<'_>) -> Result<ObjectIdentifier, NotASignature> {
    asn1::whole(node.raw, asn1::Elements::oid)
        .map_err(|_| NotASignature::Malformed("an object identifier is not DER"))
}

/// Signed content in pieces, hashed once per algorithm however many signers there are.
pub(crate) struct SignedContent<'a> {
    pieces: Vec<&'a [u8]>,
    digests: RefCell<Vec<Digest>>,
}

impl<'a> SignedContent<'a> {
    pub(crate) fn new(pieces: Vec<&'a [u8]>) -> Self {
        Self { pieces, digests: RefCell::default() }
    }

    pub(crate) fn pieces(&self) -> &[&'a [u8]] {
        &self.pieces
    }

    pub(crate) fn length(&self) -> usize {
        self.pieces.iter().map(|piece| piece.len()).sum()
    }

    pub(crate) fn digest(&self, algorithm: DigestAlgorithm) -> Digest {
        let known = self.digests.borrow().iter().copied().find(|d| d.algorithm() == algorithm);
        known.unwrap_or_else(|| {
            let mut hasher = Hasher::new(algorithm);
            self.pieces.iter().for_each(|piece| hasher.update(piece));
            let digest = hasher.finish();
            self.digests.borrow_mut().push(digest);
            digest
        })
    }

    /// Whether these are the same bytes, wherever they are cut.
    pub(crate) fn equals(&self, other: &Self) -> bool {
        self.length() == other.length() && {
            let mut theirs = other.pieces.iter().copied();
            let mut left: &[u8] = &[];
            self.pieces.iter().all(|piece| {
                let mut piece = *piece;
                while !piece.is_empty() {
                    if left.is_empty() {
                        match theirs.next() {
                            Some(next) => left = next,
                            None => return false,
                        }
                        continue;
                    }
                    let length = piece.len().min(left.len());
                    let ((a, rest), (b, other_rest)) = (piece.split_at(length), left.split_at(length));
                    if a != b {
                        return false;
                    }
                    (piece, left) = (rest, other_rest);
                }
                true
            })
        }
    }
}
