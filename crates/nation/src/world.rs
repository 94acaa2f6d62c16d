//! The nation behind one handle: opening, time, residents, cards, life events, publication, dials.
//!
//! Everything lasts in the nation's own database; a life event is one transaction with the lists that tell of
//! it. One process owns a nation: the clock's offset and the dials are also held in memory.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicI64, Ordering};

use musubi_card::PinReference;
use musubi_kernel::{Clock, Secret, UnixTime};
use musubi_pki::{AuthorityKind, SerialNumber};
use musubi_store::Db;

use crate::authority::{Authorities, Generation};
use crate::card::Cards;
use crate::card::sql::{self as cards, CardCertificateState};
use crate::keys::{derive_apart, resident_label};
use crate::residents::founder;
use crate::sql::{self, ResidentRow};
use crate::{
    CardView, CertState, CertView, Dials, LifeError, LifeEvent, NationError, PASSWORD_TRIES, PIN_TRIES,
    Resident, ResidentId, founding, life, lists, municipality,
};

/// How a nation is founded and who may ask it.
#[derive(Debug, Clone)]
pub struct WorldConfig {
    /// Everything random follows from it. [`crate::DEFAULT_SEED`] founds fastest: its primes are known.
    pub seed: u64,
    /// The founding day; residents' lives are counted from it. A nation that is already founded keeps its own.
    pub epoch: UnixTime,
    /// What the operator presents to the upstream API as its bearer credential.
    pub operator_credential: Secret<String>,
}

/// A nation. Clones are handles to the same one.
#[derive(Clone)]
pub struct World {
    pub(crate) inner: Arc<Inner>,
}

impl std::fmt::Debug for World {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("World")
    }
}

pub(crate) struct Inner {
    pub(crate) db: Db,
    pub(crate) authorities: Authorities,
    pub(crate) operator_credential: Secret<String>,
    pub(crate) cards: Cards,
    epoch: UnixTime,
    clock: Arc<MovableClock>,
    unreachable: AtomicBool,
    stopped: AtomicBool,
}

/// The base clock with the nation's offset.
struct MovableClock {
    base: Arc<dyn Clock>,
    offset: AtomicI64,
}

impl Clock for MovableClock {
    fn now(&self) -> UnixTime {
        self.base.now().plus(self.offset.load(Ordering::SeqCst))
    }
}

impl World {
    /// Founds the nation in an empty database, or loads the one that is there.
    ///
    /// # Errors
    /// [`NationError::OtherSeed`] if the database's nation has another seed; [`NationError::Store`].
    pub async fn open(config: WorldConfig, db: Db, base_clock: Arc<dyn Clock>) -> Result<Self, NationError> {
        db.migrate(sql::MIGRATIONS, base_clock.now()).await?;
        let mut tx = db.begin().await?;
        let (epoch, offset, dials, authorities) = match sql::state(&mut tx).await? {
            Some(state) if state.seed == config.seed => {
                let mut generations = Vec::new();
                for row in sql::generations(&mut tx).await? {
                    generations.push(Generation::load(state.seed, row).await?);
                }
                (state.epoch, state.clock_offset, state.dials, Authorities { seed: state.seed, generations })
            }
            Some(_) => return Err(NationError::OtherSeed),
            None => {
                let authorities = founding::found(&mut tx, config.seed, config.epoch).await?;
                lists::publish(&mut tx, &authorities, base_clock.now()).await?;
                (config.epoch, 0, Dials::default(), authorities)
            }
        };
        tx.commit().await?;
        let inner = Inner {
            db,
            authorities,
            operator_credential: config.operator_credential,
            cards: Cards::default(),
            epoch,
            clock: Arc::new(MovableClock { base: base_clock, offset: AtomicI64::new(offset) }),
            unreachable: AtomicBool::new(dials.authority_unreachable),
            stopped: AtomicBool::new(dials.publication_stopped),
        };
        Ok(Self { inner: Arc::new(inner) })
    }

    /// The nation's clock: everything in the demonstration reads this one.
    #[must_use]
    pub fn clock(&self) -> Arc<dyn Clock> {
        Arc::clone(&self.inner.clock) as Arc<dyn Clock>
    }

    /// The nation's present time.
    #[must_use]
    pub fn now(&self) -> UnixTime {
        self.inner.clock.now()
    }

    /// The founding day.
    #[must_use]
    pub fn epoch(&self) -> UnixTime {
        self.inner.epoch
    }

    /// The nation's database, for its own pages.
    pub(crate) fn db(&self) -> &Db {
        &self.inner.db
    }

    /// Travels forwards in time by `seconds`; then publishes the lists that became due on the way.
    ///
    /// # Errors
    /// [`NationError::Clock`] if `seconds` is negative or leads past the end of the newest authority.
    pub async fn advance_clock(&self, seconds: i64) -> Result<(), NationError> {
        let newest = self.inner.authorities.generations.iter().map(|g| g.not_after).max();
        if seconds < 0 || newest.is_none_or(|end| self.now().plus(seconds) > end) {
            return Err(NationError::Clock);
        }
        let mut tx = self.inner.db.begin().await?;
        let offset = sql::advance_clock(&mut tx, seconds).await?;
        tx.commit().await?;
        self.inner.clock.offset.store(offset, Ordering::SeqCst);
        self.publish_due().await.map(drop)
    }

    /// The authorities' certificates, DER, all generations.
    #[must_use]
    pub fn trust_anchors(&self) -> Vec<(AuthorityKind, Vec<u8>)> {
        self.inner.authorities.generations.iter().map(|g| (g.kind, g.certificate.clone())).collect()
    }

    /// All residents; the first is the demonstration's main person.
    ///
    /// # Errors
    /// [`NationError::Store`].
    pub async fn residents(&self) -> Result<Vec<Resident>, NationError> {
        let mut tx = self.inner.db.begin_read().await?;
        let rows = sql::residents(&mut tx).await?;
        let tries = cards::tries(&mut tx, PinReference::Authentication).await?;
        let passwords = cards::tries(&mut tx, PinReference::Signature).await?;
        let certificates = cards::on_cards(&mut tx).await?;
        rows.into_iter().map(|row| self.view(row, [&tries, &passwords], &certificates)).collect()
    }

    /// One resident.
    ///
    /// # Errors
    /// [`NationError::Store`].
    pub async fn resident(&self, id: &ResidentId) -> Result<Option<Resident>, NationError> {
        Ok(self.residents().await?.into_iter().find(|resident| resident.id == *id))
    }

    fn view(
        &self,
        row: ResidentRow,
        [pins, passwords]: [&[(ResidentId, u8)]; 2],
        certificates: &[CardCertificateState],
    ) -> Result<Resident, NationError> {
        let now = self.now();
        let left = |tries: &[(ResidentId, u8)], issued| {
            tries.iter().find(|(id, _)| *id == row.id).map_or(issued, |(_, left)| *left)
        };
        let (pin_tries, password_tries) = (left(pins, PIN_TRIES), left(passwords, PASSWORD_TRIES));
        let on_card = |kind: AuthorityKind| {
            certificates.iter().find(|(c, _)| c.resident_id == row.id && c.authority == kind).map(
                |(c, revoked)| CertView {
                    authority: kind,
                    serial: SerialNumber::from(c.serial),
                    not_before: c.not_before,
                    not_after: c.not_after,
                    state: match revoked {
                        Some((at, reason)) => CertState::Revoked { reason: *reason, at: *at },
                        None if now < c.not_before => CertState::NotYetValid,
                        None if now > c.not_after => CertState::Expired,
                        None => CertState::Good,
                    },
                },
            )
        };
        let card = CardView {
            signature: on_card(AuthorityKind::DigitalSignature),
            authentication: on_card(AuthorityKind::UserAuthentication),
            pin_tries,
            password_tries,
        };
        Ok(Resident {
            municipality: municipality(&row.municipality).ok_or(NationError::Register("municipality"))?,
            note: founder(row.id.as_str()).ok_or(NationError::Register("resident"))?.note,
            id: row.id,
            name: row.name,
            kana: row.kana,
            address: row.address,
            date_of_birth: row.date_of_birth,
            sex: row.sex,
            left_at: row.left_at,
            card,
        })
    }

    /// Lets something happen to a resident: register, certificates and, unless publication is stopped, the
    /// next lists, all or nothing.
    ///
    /// # Errors
    /// [`LifeError`]; then nothing has changed.
    pub async fn live(&self, id: &ResidentId, event: LifeEvent) -> Result<(), LifeError> {
        self.known(id).await?;
        self.derive_next_keys(id).await?;
        let now = self.now();
        let _alone = self.inner.cards.lock(id).await;
        let mut tx = self.inner.db.begin().await?;
        life::happen(&mut tx, &self.inner.authorities, id, event, now).await?;
        if !self.dials().publication_stopped {
            lists::publish(&mut tx, &self.inner.authorities, now).await?;
        }
        Ok(tx.commit().await?)
    }

    /// A search for primes takes half a second: it is done before the transaction holds the database.
    async fn derive_next_keys(&self, id: &ResidentId) -> Result<(), NationError> {
        let mut tx = self.inner.db.begin_read().await?;
        let mut counts = Vec::new();
        for kind in AuthorityKind::ALL {
            counts.push((kind, sql::certificates_of(&mut tx, id, kind).await?.len()));
        }
        drop(tx);
        for (kind, count) in counts.into_iter().filter(|(_, count)| *count > 0) {
            derive_apart(self.inner.authorities.seed, &resident_label(id.as_str(), kind, count)).await?;
        }
        Ok(())
    }

    /// Publishes the next lists, full and per municipality, of every generation. Does nothing while
    /// publication is stopped.
    ///
    /// # Errors
    /// [`NationError::Store`].
    pub async fn publish_lists(&self) -> Result<(), NationError> {
        if self.dials().publication_stopped {
            return Ok(());
        }
        let mut tx = self.inner.db.begin().await?;
        lists::publish(&mut tx, &self.inner.authorities, self.now()).await?;
        Ok(tx.commit().await?)
    }

    /// Publishes if the newest list is 24 hours old and publication is not stopped; answers whether it did.
    ///
    /// # Errors
    /// [`NationError::Store`].
    pub async fn publish_due(&self) -> Result<bool, NationError> {
        let mut tx = self.inner.db.begin_read().await?;
        let newest = lists::newest(&mut tx).await?;
        drop(tx);
        let due = newest.is_none_or(|at| self.now().since(at) >= lists::LIST_INTERVAL);
        if !due || self.dials().publication_stopped {
            return Ok(false);
        }
        self.publish_lists().await.map(|()| true)
    }

    /// The disturbances that are switched on.
    #[must_use]
    pub fn dials(&self) -> Dials {
        Dials {
            authority_unreachable: self.inner.unreachable.load(Ordering::SeqCst),
            publication_stopped: self.inner.stopped.load(Ordering::SeqCst),
        }
    }

    /// Switches disturbances. When publication resumes, lists that are due appear at once.
    ///
    /// # Errors
    /// [`NationError::Store`]; then the dials stand as before.
    pub async fn set_dials(&self, dials: Dials) -> Result<(), NationError> {
        let mut tx = self.inner.db.begin().await?;
        sql::set_dials(&mut tx, dials).await?;
        tx.commit().await?;
        let resumed = self.dials().publication_stopped && !dials.publication_stopped;
        self.inner.unreachable.store(dials.authority_unreachable, Ordering::SeqCst);
        self.inner.stopped.store(dials.publication_stopped, Ordering::SeqCst);
        if resumed { self.publish_due().await.map(drop) } else { Ok(()) }
    }

    /// How many consents to the provision of latest attributes are given and not withdrawn.
    ///
    /// # Errors
    /// [`NationError::Store`].
    pub async fn consents(&self) -> Result<i64, NationError> {
        let mut tx = self.inner.db.begin_read().await?;
        Ok(crate::upstream::sql::standing_consents(&mut tx).await?)
    }

    /// Fees of all provisions of latest attributes so far, in yen (20 each).
    ///
    /// # Errors
    /// [`NationError::Store`].
    pub async fn fees_yen(&self) -> Result<i64, NationError> {
        let mut tx = self.inner.db.begin_read().await?;
        Ok(crate::upstream::sql::fees(&mut tx).await?)
    }
}
