//! Revocation lists that must not be taken in: what is held stays in use, the other lists come in all the same.

use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use musubi_nation::CardOperation::Sign;
use musubi_pki::{AuthorityKind, CertKey, SerialNumber};
use musubi_platform::ConsentId;
use musubi_store::Db;
use musubi_store::testing::postgres_schema;
use musubi_verification::revocation::IntakeError;
use musubi_verification::upstream::{
    ConsentEvidence, ConsentTerm, HttpUpstream, LatestAttributes, PublishedList, Receive, SerialSuccession,
    Upstream, UpstreamError,
};
use tempfile::TempDir;

use super::fixture::Fixture;
use super::flows::PASSED;

const MISAKI: &str = "aoki-misaki";

type Announce = Box<dyn Fn(&mut PublishedList) + Send + Sync>;
type Deliver = Box<dyn Fn(&str, Vec<u8>) -> Vec<u8> + Send + Sync>;

/// All of a list.
#[derive(Default)]
struct Whole(Vec<u8>);

impl Receive for Whole {
    fn received(&self) -> u64 {
        self.0.len() as u64
    }

    fn chunk(&mut self, bytes: &[u8]) -> Result<(), UpstreamError> {
        self.0.extend_from_slice(bytes);
        Ok(())
    }
}

pub(crate) async fn whole(upstream: &dyn Upstream, path: &str) -> Result<Vec<u8>, UpstreamError> {
    let mut whole = Whole::default();
    upstream.fetch(path, &mut whole).await?;
    Ok(whole.0)
}

/// Somebody between the authority and the platform: changes what is announced and what is delivered.
struct Tampering {
    real: HttpUpstream,
    announce: Mutex<Announce>,
    deliver: Mutex<Deliver>,
}

impl Tampering {
    fn honest(real: HttpUpstream) -> Self {
        Self { real, announce: Mutex::new(Box::new(|_| ())), deliver: Mutex::new(Box::new(|_, der| der)) }
    }

    fn announce(&self, announce: impl Fn(&mut PublishedList) + Send + Sync + 'static) {
        *self.announce.lock().unwrap() = Box::new(announce);
    }

    fn deliver(&self, deliver: impl Fn(&str, Vec<u8>) -> Vec<u8> + Send + Sync + 'static) {
        *self.deliver.lock().unwrap() = Box::new(deliver);
    }

    fn stop(&self) {
        self.announce(|_| ());
        self.deliver(|_, der| der);
    }
}

#[async_trait]
impl Upstream for Tampering {
    async fn revocation_lists(&self) -> Result<Vec<PublishedList>, UpstreamError> {
        let mut lists = self.real.revocation_lists().await?;
        lists.iter_mut().for_each(|list| (self.announce.lock().unwrap())(list));
        Ok(lists)
    }

    async fn fetch(&self, path: &str, into: &mut dyn Receive) -> Result<(), UpstreamError> {
        let der = whole(&self.real, path).await?;
        let delivered = (self.deliver.lock().unwrap())(path, der);
        into.chunk(&delivered)
    }

    async fn counterpart(&self, key: &CertKey) -> Result<Option<SerialNumber>, UpstreamError> {
        self.real.counterpart(key).await
    }

    async fn succession(&self, key: &CertKey) -> Result<Option<SerialSuccession>, UpstreamError> {
        self.real.succession(key).await
    }

    async fn register_consent(&self, evidence: &ConsentEvidence) -> Result<ConsentTerm, UpstreamError> {
        self.real.register_consent(evidence).await
    }

    async fn withdraw_consent(&self, consent: &ConsentId) -> Result<(), UpstreamError> {
        self.real.withdraw_consent(consent).await
    }

    async fn latest_attributes(
        &self,
        consent: &ConsentId,
        service_id: &str,
        serial: &SerialNumber,
    ) -> Result<LatestAttributes, UpstreamError> {
        self.real.latest_attributes(consent, service_id, serial).await
    }
}

/// A fixture whose platform has taken in the first lists and Misaki as a customer, on each engine.
async fn tampered() -> Vec<(Fixture, Arc<Tampering>)> {
    let folder = TempDir::new().unwrap();
    let mut databases =
        vec![("SQLite", Db::open_sqlite(&folder.path().join("platform.sqlite")).await.unwrap(), folder)];
    if let Some(db) = postgres_schema().await {
        databases.push(("PostgreSQL", db, TempDir::new().unwrap()));
    }
    let mut all = Vec::new();
    for (engine, db, folder) in databases {
        let mut tampering = None;
        let fx = Fixture::around(engine, db, folder, |real| {
            let made = Arc::new(Tampering::honest(real));
            tampering = Some(Arc::clone(&made));
            made
        })
        .await;
        fx.take_in().await;
        fx.link(&fx.bank, "c-1", MISAKI, &[]).await;
        all.push((fx, tampering.unwrap()));
    }
    all
}

const TARGET: AuthorityKind = AuthorityKind::DigitalSignature;

/// Whether a list or delta list of the target lies at this path.
fn is_targets(path: &str) -> bool {
    path.contains("/digital_signature/")
}

/// `(key id, number)` of the held lists of one authority, by age of the generation.
fn held(fx: &Fixture, authority: AuthorityKind) -> Vec<(String, u64)> {
    let lists = fx.platform.verification().lists().snapshot();
    let of = lists.iter().filter(|list| list.authority() == authority);
    let mut of: Vec<_> = of.map(|list| (list.key_id().to_owned(), list.number())).collect();
    of.sort();
    of
}

/// The lists of the signing authority are tampered with after Misaki's move. They are refused, whatever is held stays
/// and is judged by, the other authority's lists come in. The honest lists come in afterwards.
async fn refused(tamper: impl AsyncFn(&Fixture, &Tampering), refusal: fn(&IntakeError) -> bool) {
    for (fx, tampering) in tampered().await {
        fx.moves(MISAKI).await;
        tamper(&fx, &tampering).await;
        let before = held(&fx, TARGET);
        let error = fx.platform.verification().take_in().await.unwrap_err();
        assert!(refusal(&error), "{error:?}");
        assert_eq!(held(&fx, TARGET), before, "what is held stays");
        let other = held(&fx, TARGET.counterpart());
        assert!(other.iter().all(|(_, number)| *number > before[0].1), "the other lists come in: {other:?}");
        assert_eq!(fx.events(&fx.bank).await.len(), 0);
        let by_what_is_held = fx.apply(&fx.bank, "c-2", "sato-kenichi", &[]).await;
        assert_eq!(by_what_is_held.verdict(), PASSED);
        assert_eq!(by_what_is_held.body["verdict"]["freshness"]["list_number"], before[0].1);

        tampering.stop();
        assert_eq!(fx.take_in().await, 2);
        assert_eq!(fx.events(&fx.bank).await.len(), 1, "nothing was lost");
        let kinds: Vec<_> = fx.audited().await.into_iter().map(|record| record.kind).collect();
        let taken = kinds.iter().filter(|kind| *kind == "revocation_list.taken_in").count();
        assert_eq!(i64::try_from(taken), Ok(fx.counts().await["revocation_list"]));
    }
}

/// Also where the length is not the announced one.
fn is_list(error: &IntakeError) -> bool {
    matches!(error, IntakeError::List(_) | IntakeError::NotAsAnnounced)
}

fn is_not_as_announced(error: &IntakeError) -> bool {
    matches!(error, IntakeError::NotAsAnnounced)
}

fn is_rolled_back(error: &IntakeError) -> bool {
    matches!(error, IntakeError::RolledBack)
}

#[tokio::test]
async fn a_list_announced_with_a_lower_number() {
    let announce = async |_: &Fixture, tampering: &Tampering| {
        tampering.announce(|list| {
            if list.authority == TARGET {
                list.number = 0;
            }
        });
    };
    refused(announce, is_rolled_back).await;
}

#[tokio::test]
async fn an_old_list_delivered_under_a_new_number() {
    for (fx, tampering) in tampered().await {
        let mut old = Vec::new();
        for list in tampering.real.revocation_lists().await.unwrap() {
            old.push((list.key_id.clone(), whole(&tampering.real, &list.path).await.unwrap()));
        }
        fx.moves(MISAKI).await;
        assert_eq!(fx.take_in().await, 4);
        fx.world.publish_lists().await.unwrap();
        tampering.deliver(move |asked, der| {
            let kept = old.iter().find(|(key_id, _)| is_targets(asked) && asked.contains(key_id));
            kept.map_or(der, |(_, old)| old.clone())
        });
        let error = fx.platform.verification().take_in().await.unwrap_err();
        assert!(is_rolled_back(&error), "{error:?}");
        assert!(held(&fx, TARGET).iter().all(|(_, number)| *number == 2), "what is held stays");
        assert!(held(&fx, TARGET.counterpart()).iter().all(|(_, number)| *number == 3));
        tampering.stop();
        assert_eq!(fx.take_in().await, 2);
        assert_eq!(fx.events(&fx.bank).await.len(), 1);
    }
}

/// The lists of the signing authority, by some other list's bytes.
async fn exchanged(tampering: &Tampering, instead: impl Fn(&PublishedList, &PublishedList) -> bool) {
    let all = tampering.real.revocation_lists().await.unwrap();
    let mut pairs = Vec::new();
    for asked in all.iter().filter(|list| list.authority == TARGET) {
        let other = all.iter().find(|other| instead(asked, other)).unwrap();
        pairs.push((asked.key_id.clone(), whole(&tampering.real, &other.path).await.unwrap()));
    }
    tampering.deliver(move |asked, der| {
        let found = pairs.iter().find(|(key_id, _)| is_targets(asked) && asked.contains(key_id));
        found.map_or(der, |(_, other)| other.clone())
    });
}

#[tokio::test]
async fn a_list_of_the_other_authority() {
    let exchange = async |_: &Fixture, tampering: &Tampering| {
        exchanged(tampering, |_, other| other.authority != TARGET).await;
    };
    refused(exchange, is_not_as_announced).await;
}

#[tokio::test]
async fn a_list_of_another_generation() {
    let exchange = async |_: &Fixture, tampering: &Tampering| {
        exchanged(tampering, |asked, other| other.authority == TARGET && other.key_id != asked.key_id).await;
    };
    refused(exchange, is_not_as_announced).await;
}

#[tokio::test]
async fn a_list_that_covers_one_municipality_only() {
    let partial = async |_: &Fixture, tampering: &Tampering| {
        tampering.announce(|list| {
            if list.authority == TARGET {
                list.path = list.path.replace("full.crl", "13221.crl");
                list.deltas.clear();
                list.bytes = None;
            }
        });
    };
    refused(partial, is_not_as_announced).await;
}

#[tokio::test]
async fn a_truncated_list() {
    let truncate = async |_: &Fixture, tampering: &Tampering| {
        tampering.deliver(|path, mut der| {
            if is_targets(path) {
                der.truncate(der.len() - 1);
            }
            der
        });
    };
    refused(truncate, is_list).await;
}

#[tokio::test]
async fn a_list_with_one_bit_changed() {
    let flip = async |_: &Fixture, tampering: &Tampering| {
        tampering.deliver(|path, mut der| {
            if is_targets(path) {
                let middle = der.len() / 2;
                der[middle] ^= 1;
            }
            der
        });
    };
    refused(flip, is_list).await;
}

#[tokio::test]
async fn a_list_with_bytes_after_it() {
    let append = async |_: &Fixture, tampering: &Tampering| {
        tampering.deliver(|path, mut der| {
            if is_targets(path) {
                der.push(0);
            }
            der
        });
    };
    refused(append, is_list).await;
}

#[tokio::test]
async fn a_list_signed_by_a_forger() {
    let forge = async |fx: &Fixture, tampering: &Tampering| {
        // The forger has a key of the right length: that of a counterfeit card. They sign the authority's own words.
        let mut forged = Vec::new();
        for list in tampering.real.revocation_lists().await.unwrap() {
            if list.authority == TARGET {
                let mut der = whole(&tampering.real, &list.path).await.unwrap();
                let signature = forged_signature(fx, signed_part(&der)).await;
                let begins = der.len() - signature.len();
                der.truncate(begins);
                der.extend(signature);
                forged.push((list.key_id, der));
            }
        }
        tampering.deliver(move |list, der| {
            forged.iter().find(|(key_id, _)| list.contains(key_id)).map_or(der, |(_, forged)| forged.clone())
        });
    };
    refused(forge, is_list).await;
}

/// The first element of the outer SEQUENCE (RFC 5280, 5.1): both with lengths in two bytes.
fn signed_part(der: &[u8]) -> &[u8] {
    assert_eq!((&der[..2], &der[4..6]), (&[0x30, 0x82][..], &[0x30, 0x82][..]));
    let length = usize::from(u16::from_be_bytes([der[6], der[7]]));
    &der[4..8 + length]
}

async fn forged_signature(fx: &Fixture, message: &[u8]) -> Vec<u8> {
    let password = musubi_kernel::Secret::new(musubi_nation::DEMO_PASSWORD.to_owned());
    match fx.world.answer(&super::flows::id("kageyama-so"), Sign, &password, message).await.unwrap() {
        musubi_nation::CardAnswer::Signed { signature, .. } => signature,
        musubi_nation::CardAnswer::Attributes(_) => unreachable!(),
    }
}

#[tokio::test]
async fn a_certificate_is_no_list() {
    let confuse = async |fx: &Fixture, tampering: &Tampering| {
        let certificate = STANDARD.decode(fx.card(MISAKI, Sign, "x").await.certificate).unwrap();
        tampering.deliver(move |path, der| if is_targets(path) { certificate.clone() } else { der });
    };
    refused(confuse, is_list).await;
}
