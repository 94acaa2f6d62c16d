//! The two authorities (署名用認証局, 利用者証明用認証局) with their generations: issue, revoke.
//!
//! All generations of an authority share one name and one counter of serial numbers, which also counts their
//! own certificates and their responders'. A certificate comes from the newest generation of its moment; the
//! older one goes on revoking what it issued. A revoked certificate stays revoked, a hold too: the JPKI does
//! not release holds. Renewal is revocation (`superseded`) and issue; who succeeds whom is the order of a
//! resident's serial numbers.

use std::sync::Arc;

use musubi_crypto::{hmac_sha256, sha256};
use musubi_kernel::UnixTime;
use musubi_pki::{AuthorityKind, BasicAttributes, RevocationReason};
use musubi_store::Tx;

use crate::card::sql::{CardCertificateRow, put_on_card};
use crate::keys::{NationKey, authority_label, derive_apart, forger_label, resident_label, responder_label};
use crate::profile::{self, Issuer, Order, Validity};
use crate::residents::founder;
use crate::sql::{self, CertificateRow, GenerationRow, ResidentRow};
use crate::{LifeError, NationError, municipality, repertoire};

/// A generation with its keys.
#[derive(Debug)]
pub(crate) struct Generation {
    pub(crate) kind: AuthorityKind,
    /// From 1.
    pub(crate) number: i64,
    pub(crate) serial: u32,
    pub(crate) not_before: UnixTime,
    pub(crate) not_after: UnixTime,
    pub(crate) certificate: Vec<u8>,
    pub(crate) key: Arc<NationKey>,
    pub(crate) responder_certificate: Vec<u8>,
    pub(crate) responder_key: Arc<NationKey>,
}

impl Generation {
    /// Founds a generation: takes serial numbers for its own certificate and its responder's.
    pub(crate) async fn found(
        tx: &mut Tx,
        seed: u64,
        kind: AuthorityKind,
        number: i64,
        at: UnixTime,
    ) -> Result<Self, NationError> {
        let key = derive_apart(seed, &authority_label(kind, number)).await?;
        let responder_key = derive_apart(seed, &responder_label(kind, number)).await?;
        let validity = profile::authority_validity(at)?;
        let issuer =
            Issuer { kind, serial: sql::take_serial(tx, kind).await?, key: &key, key_id: key.key_id() };
        let certificate = profile::authority_certificate(&issuer, validity)?;
        let responder_serial = sql::take_serial(tx, kind).await?;
        let responder_certificate =
            profile::responder_certificate(&issuer, responder_serial, validity, &responder_key)?;
        let row = GenerationRow {
            authority: kind,
            generation: number,
            serial: issuer.serial,
            not_before: validity.not_before,
            not_after: validity.not_after,
            certificate,
            responder_certificate,
        };
        sql::insert_generation(tx, &row).await?;
        Self::load(seed, row).await
    }

    /// A generation from its row, with its keys derived again.
    pub(crate) async fn load(seed: u64, row: GenerationRow) -> Result<Self, NationError> {
        Ok(Self {
            kind: row.authority,
            number: row.generation,
            serial: row.serial,
            not_before: row.not_before,
            not_after: row.not_after,
            certificate: row.certificate,
            key: derive_apart(seed, &authority_label(row.authority, row.generation)).await?,
            responder_certificate: row.responder_certificate,
            responder_key: derive_apart(seed, &responder_label(row.authority, row.generation)).await?,
        })
    }

    /// Lower-case hex of the subject key identifier: the generation's name on the wire.
    pub(crate) fn key_id_hex(&self) -> String {
        hex::encode(self.key.key_id())
    }

    pub(crate) fn issuer(&self) -> Issuer<'_> {
        Issuer { kind: self.kind, serial: self.serial, key: &self.key, key_id: self.key.key_id() }
    }
}

/// Both authorities.
#[derive(Debug)]
pub(crate) struct Authorities {
    pub(crate) seed: u64,
    pub(crate) generations: Vec<Generation>,
}

impl Authorities {
    /// The generation that issues at an instant: the newest that has begun and not ended.
    fn issuing(&self, kind: AuthorityKind, at: UnixTime) -> Result<&Generation, NationError> {
        self.generations
            .iter()
            .filter(|g| g.kind == kind && g.not_before <= at && at <= g.not_after)
            .max_by_key(|g| g.number)
            .ok_or(NationError::Clock)
    }

    /// The generation with a key identifier in lower-case hex.
    pub(crate) fn with_key_id(&self, kind: AuthorityKind, key_id: &str) -> Option<&Generation> {
        self.generations.iter().find(|g| g.kind == kind && g.key_id_hex() == key_id)
    }

    /// Issues a certificate to a resident and puts it on their card. The counterpart is the newest certificate
    /// of the other authority, and each names the other.
    pub(crate) async fn issue(
        &self,
        tx: &mut Tx,
        kind: AuthorityKind,
        resident: &ResidentRow,
        at: UnixTime,
    ) -> Result<(), NationError> {
        let generation = self.issuing(kind, at)?;
        let before = sql::certificates_of(tx, &resident.id, kind).await?.len();
        let key_label = resident_label(resident.id.as_str(), kind, before);
        let serial = sql::take_serial(tx, kind).await?;
        let validity = profile::resident_validity(at, resident.date_of_birth, generation.not_after)?;
        let certificate = self.make(&generation.issuer(), resident, serial, validity, &key_label).await?;
        let other = kind.counterpart();
        let counterpart = sql::certificates_of(tx, &resident.id, other).await?.first().map(|row| row.serial);
        let row = CertificateRow {
            authority: kind,
            serial,
            generation: generation.number,
            resident_id: resident.id.clone(),
            municipality: resident.municipality.clone(),
            key_label,
            certificate,
            not_before: validity.not_before,
            not_after: validity.not_after,
            counterpart,
            revoked: None,
        };
        sql::insert_certificate(tx, &row, sha256(&row.certificate)).await?;
        if let Some(counterpart) = counterpart {
            sql::set_counterpart(tx, other, counterpart, serial).await?;
        }
        put_on_card(
            tx,
            &CardCertificateRow {
                resident_id: row.resident_id,
                authority: kind,
                serial,
                key_label: row.key_label,
                certificate: row.certificate,
                not_before: row.not_before,
                not_after: row.not_after,
            },
        )
        .await?;
        Ok(())
    }

    /// Puts on a card what a forger makes: everything as the real authority has it, but for the signing key.
    /// Nothing is registered.
    pub(crate) async fn forge(
        &self,
        tx: &mut Tx,
        kind: AuthorityKind,
        resident: &ResidentRow,
        serial: u32,
        at: UnixTime,
    ) -> Result<(), NationError> {
        let imitated = self.issuing(kind, at)?;
        let key = derive_apart(self.seed, &forger_label(kind)).await?;
        let issuer = Issuer { key: &key, ..imitated.issuer() };
        let key_label = resident_label(resident.id.as_str(), kind, 0);
        let validity = profile::resident_validity(at, resident.date_of_birth, imitated.not_after)?;
        let certificate = self.make(&issuer, resident, serial, validity, &key_label).await?;
        let row = CardCertificateRow {
            resident_id: resident.id.clone(),
            authority: kind,
            serial,
            key_label,
            certificate,
            not_before: validity.not_before,
            not_after: validity.not_after,
        };
        Ok(put_on_card(tx, &row).await?)
    }

    async fn make(
        &self,
        issuer: &Issuer<'_>,
        resident: &ResidentRow,
        serial: u32,
        validity: Validity,
        key_label: &str,
    ) -> Result<Vec<u8>, NationError> {
        let key = derive_apart(self.seed, key_label).await?;
        let attributes = certified_attributes(resident);
        let order = Order {
            serial,
            validity,
            municipality: municipality(&resident.municipality)
                .ok_or(NationError::Register("municipality"))?,
            attributes: &attributes,
            furigana: founder(resident.id.as_str()).filter(|f| f.furigana).map(|_| resident.kana.as_str()),
            key: &key,
            opaque: &opaque_name(self.seed, key_label),
        };
        Ok(profile::resident_certificate(issuer, &order)?)
    }

    /// Revokes a certificate.
    ///
    /// # Errors
    /// [`LifeError::AlreadyRevoked`], also for one that is on hold; [`LifeError::NotForThisAuthority`] for a
    /// change of attributes of a user-authentication certificate, which has none, and for reasons that the
    /// JPKI does not use; [`LifeError::NothingToRevoke`] if there is no such certificate.
    pub(crate) async fn revoke(
        tx: &mut Tx,
        kind: AuthorityKind,
        serial: u32,
        reason: RevocationReason,
        at: UnixTime,
    ) -> Result<(), LifeError> {
        let foreign = !RevocationReason::JPKI.contains(&reason);
        let not_here =
            kind == AuthorityKind::UserAuthentication && reason == RevocationReason::AffiliationChanged;
        if foreign || not_here {
            return Err(LifeError::NotForThisAuthority);
        }
        if sql::revoke(tx, kind, serial, at, reason).await.map_err(NationError::from)? {
            return Ok(());
        }
        match sql::certificate(tx, kind, serial).await.map_err(NationError::from)? {
            Some(_) => Err(LifeError::AlreadyRevoked),
            None => Err(LifeError::NothingToRevoke),
        }
    }
}

/// A resident's attributes as certificate and card carry them.
pub(crate) fn certified_attributes(resident: &ResidentRow) -> BasicAttributes {
    let (name, name_substitutes) = repertoire::certified(&resident.name);
    let (address, address_substitutes) = repertoire::certified(&resident.address);
    BasicAttributes {
        name,
        name_substitutes,
        address,
        address_substitutes,
        date_of_birth: resident.date_of_birth,
        sex: resident.sex,
    }
}

/// 14 characters of `0-9A-Z` that say nothing about the holder and change with every key.
fn opaque_name(seed: u64, key_label: &str) -> String {
    const ALPHABET: &[u8; 36] = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ";
    hmac_sha256(&seed.to_be_bytes(), &[b"subject\0", key_label.as_bytes()])
        .iter()
        .take(14)
        .filter_map(|byte| ALPHABET.get(usize::from(*byte) % ALPHABET.len()))
        .map(|byte| char::from(*byte))
        .collect()
}

#[cfg(test)]
mod tests {
    use musubi_store::Db;

    use super::*;
    use crate::keys::DEFAULT_SEED;
    use crate::{founding, life};

    const AT: UnixTime = UnixTime(1_775_012_400);

    #[tokio::test]
    async fn each_authority_revokes_for_its_reasons_once_and_never_takes_back() {
        let dir = tempfile::tempdir().unwrap();
        let db = Db::open_sqlite(&dir.path().join("nation.sqlite")).await.unwrap();
        db.migrate(sql::MIGRATIONS, AT).await.unwrap();
        let mut tx = db.begin().await.unwrap();
        let authorities = founding::found(&mut tx, DEFAULT_SEED, AT).await.unwrap();
        let id = "aoki-misaki".parse().unwrap();
        for reason in RevocationReason::JPKI {
            let resident = sql::resident(&mut tx, &id).await.unwrap().unwrap();
            life::issue_all(&mut tx, &authorities, &resident, AT).await.unwrap();
            for kind in AuthorityKind::ALL {
                let serial = sql::certificates_of(&mut tx, &id, kind).await.unwrap()[0].serial;
                let first = Authorities::revoke(&mut tx, kind, serial, reason, AT).await;
                let signing_only = reason == RevocationReason::AffiliationChanged;
                if signing_only && kind == AuthorityKind::UserAuthentication {
                    assert!(matches!(first, Err(LifeError::NotForThisAuthority)));
                    continue;
                }
                first.unwrap();
                for again in RevocationReason::JPKI {
                    let second = Authorities::revoke(&mut tx, kind, serial, again, AT).await;
                    assert!(
                        matches!(second, Err(LifeError::AlreadyRevoked | LifeError::NotForThisAuthority)),
                        "{reason} then {again}"
                    );
                }
                let row = sql::certificate(&mut tx, kind, serial).await.unwrap().unwrap();
                assert_eq!(row.revoked, Some((AT, reason)));
            }
        }
        let kind = AuthorityKind::DigitalSignature;
        for reason in [RevocationReason::PrivilegeWithdrawn, RevocationReason::AaCompromise] {
            let refused = Authorities::revoke(&mut tx, kind, 1, reason, AT).await;
            assert!(matches!(refused, Err(LifeError::NotForThisAuthority)));
        }
        let unknown = Authorities::revoke(&mut tx, kind, 1, RevocationReason::Superseded, AT).await;
        assert!(matches!(unknown, Err(LifeError::NothingToRevoke)));
    }
}
