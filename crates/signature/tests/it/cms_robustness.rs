//! Hostile CMS: bounded work, no panic, and no change of a signed byte that passes.

use std::borrow::Cow;

use musubi_signature::cms::find;
use musubi_signature::timestamp::Token;
use musubi_signature::{Covered, NotASignature, Signed};

use crate::cms_message::{Message, SignerParts, attribute, broken, fixture, signer, tlv, verifies};

const FILES: [&str; 6] = [
    "cms/cades-lta.p7",
    "cms/stream.p7",
    "cms/noattr.p7",
    "cms/pss.p7",
    "cms/two-signers.p7",
    "timestamp/sha256.token",
];

/// xorshift64*: the same bytes on every machine.
struct Random(u64);

impl Random {
    fn next(&mut self, below: usize) -> usize {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        (self.0.wrapping_mul(0x2545_F491_4F6C_DD1D) >> 33) as usize % below
    }
}

#[test]
fn no_truncation_and_no_mutation_panics() {
    let mut random = Random(3);
    for name in FILES {
        let bytes = fixture(name);
        for end in (0..bytes.len()).step_by(7) {
            assert!(find(&bytes[..end], None).is_err(), "{name} cut at {end}");
            let _ = Token::parse(&bytes[..end]);
        }
        for _ in 0..300 {
            let mut wrong = bytes.clone();
            for _ in 0..=random.next(4) {
                let at = random.next(wrong.len());
                wrong[at] = random.next(256) as u8;
            }
            let _ = find(&wrong, None);
            let _ = Token::parse(&wrong);
        }
    }
}

/// A change of one bit is refused, breaks a rule or the value, or changes nothing that is signed.
#[test]
fn no_changed_bit_of_what_is_signed_passes() {
    for name in ["cms/cades-attached.p7", "cms/noattr.p7", "cms/rsa-attached.p7"] {
        let bytes = fixture(name);
        let good = find(&bytes, None).unwrap();
        let signed = |signed: &Signed<'_>| match signed {
            Signed::Bytes(bytes) => bytes.to_vec(),
            Signed::Digest(digest) => digest.as_ref().to_vec(),
            Signed::BareDigest(digest) => digest.to_vec(),
        };
        let before = (signer(&good[0]).unwrap(), signed(&good[0].value.signed), &good[0].value.algorithm);
        for at in 0..bytes.len() {
            let mut wrong = bytes.clone();
            wrong[at] ^= 1 << (at % 8);
            let Ok(found) = find(&wrong, None) else { continue };
            if !broken(&found[0]).is_empty() || !verifies(&found[0]) {
                continue;
            }
            let after =
                (signer(&found[0]).unwrap(), signed(&found[0].value.signed), &found[0].value.algorithm);
            assert_eq!(found.len(), 1);
            // The certificate's own signature is for the path to judge.
            assert_eq!((&before.1, before.2), (&after.1, after.2), "{name} byte {at}");
            assert!(before.0 == after.0 || good[0].format == "CMS", "{name} byte {at}");
        }
    }
}

fn too_much(file: &[u8]) -> &'static str {
    match find(file, None) {
        Err(NotASignature::TooMuch { what, .. }) => what,
        other => panic!("{:?}", other.map(|found| found.len())),
    }
}

#[test]
fn numbers_are_limited() {
    let base = Message::of("rsa-attached");
    let mut message = base.clone();
    message.certificates = vec![fixture("pki/root.der"); 201];
    assert_eq!(too_much(&message.write()), "certificates");
    let mut message = base.clone();
    message.revocation = vec![fixture("pki/root.crl"); 201];
    assert_eq!(too_much(&message.write()), "revocation data");
    let mut message = base.clone();
    message.signers = vec![message.signers[0].clone(); 33];
    assert_eq!(too_much(&message.write()), "signers");
    let unsigned = |list: Vec<Vec<u8>>| {
        let message = base.clone().with_signer(|s: &mut SignerParts| s.unsigned = list);
        too_much(&message.write())
    };
    assert_eq!(unsigned(vec![attribute("1.2.3", &[vec![5, 0]]); 65]), "unsigned attributes");
    let stamp = "1.2.840.113549.1.9.16.2.14";
    assert_eq!(unsigned(vec![attribute(stamp, &[vec![0x30, 0]]); 65]), "unsigned attributes");
    assert_eq!(unsigned(vec![attribute(stamp, &vec![vec![0x30, 0]; 60]); 2]), "time-stamps");
    let archive = "0.4.0.1733.2.4";
    assert_eq!(unsigned(vec![attribute(archive, &vec![vec![0x30, 0]; 17])]), "archive time-stamps");
    // Signed attributes without end break their rule.
    let message = base.with_signer(|s| {
        s.sign_attributes(|list| {
            list.extend((1..=64).map(|n| attribute(&format!("1.2.3.{n}"), &[vec![5, 0]])))
        });
    });
    let cms = message.write();
    assert_eq!(broken(&find(&cms, None).unwrap()[0])[0].0, "cms.signed_attributes");
}

#[test]
fn depth_and_work_are_limited() {
    // Indefinite lengths within indefinite lengths.
    let deep = [0x30, 0x80].repeat(1_000_000);
    assert_eq!(too_much(&deep), "levels");
    // Strings in strings.
    let mut message = Message::of("noattr");
    let nested = (0..40).fold(tlv(0x04, b"x"), |inner, _| tlv(0x24, &inner));
    message.content = Some(nested);
    assert_eq!(too_much(&message.write()), "levels");
    // Many small elements.
    let mut many = vec![0x30, 0x80];
    many.extend([5, 0].repeat(5_000_000));
    assert_eq!(too_much(&many), "elements");
}

#[test]
fn a_structure_larger_than_its_limit_is_refused_and_large_content_is_not() {
    let mut message = Message::of("noattr");
    message.certificates.push(tlv(0xA1, &vec![0; 33 << 20]));
    assert_eq!(too_much(&message.write()), "bytes beside the content");
    let mut message = Message::of("noattr");
    message.content = Some(tlv(0x04, &vec![0; 33 << 20]));
    assert_eq!(find(&message.write(), None).unwrap().len(), 1);
}

#[test]
fn content_in_pieces_is_the_same_content() {
    let mut message = Message::of("rsa-attached");
    let content = message.octets();
    for size in [1, 2, 7, 1_000] {
        let pieces: Vec<Vec<u8>> = content.chunks(size).map(|piece| tlv(0x04, piece)).collect();
        message.content = Some(tlv(0x24, &pieces.concat()));
        let cms = message.write();
        let found = find(&cms, Some(&content)).unwrap();
        assert_eq!(broken(&found[0]), []);
        assert!(verifies(&found[0]));
    }
}

/// 100 MB of content are hashed where they are.
#[test]
fn content_is_not_copied() {
    let (stamped, content) = (fixture("cms/cades-content-time-stamp.p7"), fixture("cms/content.txt"));
    let found = find(&stamped, Some(&content)).unwrap();
    let Covered::Parts(parts) = &found[0].timestamps[0].covered else { panic!("unusable") };
    assert!(matches!(parts[..], [Cow::Borrowed(part)] if part.as_ptr() == content.as_ptr()));

    // Ed25519 without signed attributes signs the content itself.
    let bare = Message::of("cades-ed25519").with_signer(|signer| signer.signed = None).write();
    let found = find(&bare, None).unwrap();
    let Signed::Bytes(Cow::Borrowed(bytes)) = found[0].value.signed else { panic!("copied") };
    assert!(bare.as_ptr_range().contains(&bytes.as_ptr()));
    assert_eq!(broken(&found[0]), []);
    // Everything else signs its digest.
    let bare = fixture("cms/noattr.p7");
    assert!(matches!(find(&bare, None).unwrap()[0].value.signed, Signed::Digest(_)));
}
