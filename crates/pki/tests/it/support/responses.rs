//! OCSP responses.

use musubi_crypto::{sha1_for_key_identifiers, sha256};
use musubi_kernel::UnixTime;
use musubi_pki::*;

use super::authority::{Authority, Leaf, key_id, oid_table, rsa_sha256};
use super::der::*;
use super::{DAY, HOUR, Key, NOW, sign, signer};

/// `CertStatus`.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Says {
    Good,
    Revoked(UnixTime, RevocationReason),
    Unknown,
}

/// What goes into a response: a delegate's fresh good until a test changes it.
#[derive(Clone)]
pub(crate) struct Answer {
    pub(crate) authority: Authority,
    /// Content octets of the serial number.
    pub(crate) serial: Vec<u8>,
    pub(crate) says: Says,
    pub(crate) this_update: UnixTime,
    pub(crate) next_update: Option<UnixTime>,
    /// The extension's value.
    pub(crate) nonce: Option<Vec<u8>>,
    pub(crate) responder: Responder,
}

/// The delegate's certificate, and who signs.
#[derive(Clone)]
pub(crate) struct Responder {
    pub(crate) issued_by: Key,
    pub(crate) signed_with: Key,
    pub(crate) no_check: bool,
    pub(crate) for_ocsp: bool,
    pub(crate) validity: [UnixTime; 2],
}

impl Answer {
    pub(crate) fn of(authority: &Authority, leaf: &Leaf) -> Self {
        Self {
            authority: authority.clone(),
            serial: leaf.serial[2..].to_vec(),
            says: Says::Good,
            this_update: NOW.plus(-60),
            next_update: Some(NOW.plus(14 * 60)),
            nonce: None,
            responder: Responder {
                issued_by: authority.key,
                signed_with: Key::Stranger,
                no_check: true,
                for_ocsp: true,
                validity: [NOW.plus(-30 * DAY), NOW.plus(60 * DAY)],
            },
        }
    }

    pub(crate) fn saying(mut self, says: Says) -> Self {
        self.says = says;
        self
    }

    pub(crate) fn issued(mut self, at: UnixTime) -> Self {
        self.this_update = at;
        self.next_update = Some(at.plus(HOUR / 4));
        self
    }

    fn single(&self) -> Vec<u8> {
        let key = signer(self.authority.key).public_key_pkcs1_der();
        let algorithm = seq(&[&oid_text("2.16.840.1.101.3.4.2.1"), &[5, 0]]);
        let id = seq(&[
            &algorithm,
            &octets(&sha256(&self.authority.name)),
            &octets(&sha256(key)),
            &tlv(0x02, &self.serial),
        ]);
        let status = match self.says {
            Says::Good => ctx_bytes(0, &[]),
            Says::Unknown => ctx_bytes(2, &[]),
            Says::Revoked(at, why) => {
                ctx(1, &[generalized_time(at), ctx(0, &tlv(0x0A, &[why.code()]))].concat())
            }
        };
        let next = self.next_update.map(|at| ctx(0, &generalized_time(at))).unwrap_or_default();
        seq(&[&id, &status, &generalized_time(self.this_update), &next])
    }

    fn delegate(&self) -> Vec<u8> {
        let Responder { issued_by, signed_with, no_check, for_ocsp, validity } = &self.responder;
        let mut extensions = vec![extension(oid_table::KEY_USAGE, true, &tlv(0x03, &[0x07, 0x80]))];
        if *for_ocsp {
            let purposes = seq(&[&oid(oid_table::OCSP_SIGNING)]);
            extensions.push(extension(oid_table::EXTENDED_KEY_USAGE, true, &purposes));
        }
        if *no_check {
            extensions.push(extension(oid_table::OCSP_NO_CHECK, false, &[5, 0]));
        }
        let subject = name(&[(oid_table::COUNTRY_NAME, "JP"), (oid_table::COMMON_NAME, "OCSP Responder")]);
        let tbs = seq(&[
            &ctx(0, &integer(&[2])),
            &integer(&[0x51]),
            &rsa_sha256(),
            &self.authority.name,
            &seq(&[&utc_time(validity[0]), &utc_time(validity[1])]),
            &subject,
            &signer(*signed_with).spki_der().unwrap(),
            &ctx(3, &seq(&[&extensions.concat()])),
        ]);
        seq(&[&tbs, &rsa_sha256(), &bits(&sign(*issued_by, &tbs))])
    }

    pub(crate) fn der(&self) -> Vec<u8> {
        let key = self.responder.signed_with;
        // By key: SHA-1 over the content of the key's BIT STRING.
        let by = ctx(2, &octets(&key_id(key)));
        debug_assert_eq!(key_id(key), sha1_for_key_identifiers(signer(key).public_key_pkcs1_der()));
        let nonce = self
            .nonce
            .as_ref()
            .map(|nonce| ctx(1, &seq(&[&extension(oid_table::OCSP_NONCE, false, &octets(nonce))])));
        let data = seq(&[
            &by,
            &generalized_time(self.this_update),
            &seq(&[&self.single()]),
            &nonce.unwrap_or_default(),
        ]);
        let certificates = ctx(0, &seq(&[&self.delegate()]));
        let basic = seq(&[&data, &rsa_sha256(), &bits(&sign(key, &data)), &certificates]);
        let bytes = seq(&[&oid(oid_table::OCSP_BASIC), &octets(&basic)]);
        seq(&[&tlv(0x0A, &[0]), &ctx(0, &bytes)])
    }
}
