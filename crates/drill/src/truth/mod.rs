//! Meaning against truth: a population lives, the platform takes in its lists and asks about what is pending, and at the end
//! everything that was told is compared with what really happened.
//!
//! Everybody with a card on the first day is watched by one of four relying parties, each for another purpose. Their later
//! certificates are remembered as bulk registration would have them (following persons is not what is measured here).

mod authority;
mod ledger;
mod sql;

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Instant;

use musubi_crypto::{ClientKey, Ed25519Signer, JwkSet, SystemRandom, sha256};
use musubi_feed::{CREDENTIAL_CHANGE, CREDENTIAL_COMPROMISE, VerifyingKey, open_entry};
use musubi_kernel::{FixedClock, Secret, UnixTime};
use musubi_nation::population::{Event, FoundingError, Happening, Population};
use musubi_pki::{AuthorityKind, Policy, TrustAnchors};
use musubi_platform::relying_party::{self, NewRelyingParty, RelyingPartyId};
use musubi_platform::{Context, change_stream};
use musubi_store::{Db, StoreError};
use musubi_verification::Verification;
use musubi_verification::change_check::follow_up;
use musubi_verification::change_check::meaning::{LINKED_BY, SAME_VISIT};
use serde_json::{Value, json};

use authority::Authority;
use ledger::{Key, Ledger, Outcome, Truth};
use sql::Certificate;

/// The drill's size.
#[derive(Debug, clap::Args)]
pub(crate) struct Arguments {
    /// Residents on the first day.
    #[arg(long, default_value_t = 1_000_000)]
    residents: u32,
    /// Years that they live.
    #[arg(long, default_value_t = 5)]
    years: u32,
    /// Everything follows from it.
    #[arg(long, default_value_t = 5)]
    seed: u64,
    /// Days from one list to the next.
    #[arg(long, default_value_t = 7, value_parser = clap::value_parser!(u32).range(1..))]
    step_days: u32,
    /// `postgres://…`; left out: SQLite in a temporary folder.
    #[arg(long)]
    database: Option<String>,
    /// File for the raw result.
    #[arg(long)]
    out: Option<PathBuf>,
}

/// Why a drill ended early.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Error {
    #[error(transparent)]
    Store(#[from] StoreError),
    #[error(transparent)]
    Io(#[from] std::io::Error),
    #[error(transparent)]
    Founding(#[from] FoundingError),
    #[error("a key or a relying party could not be made")]
    Key,
    #[error("a list was not taken in: {0}")]
    Intake(#[from] musubi_verification::revocation::IntakeError),
    #[error("an entry of the change stream cannot be read")]
    Entry,
}

const DAY: i64 = 86_400;
/// 2021-04-01 in Japan: an ordinary day.
const EPOCH: UnixTime = UnixTime(1_617_202_800);
/// Certificates and links written in one transaction.
const BATCH: usize = 100_000;
/// Entries that are read at once.
const PAGE: u32 = 5_000;

/// For what a holder is watched: the most for the purpose that lets everything be told.
const PURPOSES: [&str; 4] =
    ["contract_maintenance", "benefit_payment", "address_upkeep", "credential_status"];

fn place_of(holder: u32) -> usize {
    match holder % 8 {
        5 => 1,
        6 => 2,
        7 => 3,
        _ => 0,
    }
}

fn purpose_of(holder: u32) -> &'static str {
    PURPOSES.get(place_of(holder)).copied().unwrap_or_default()
}

/// Runs the drill; answers whether nothing was wrong.
pub(crate) async fn run(arguments: Arguments) -> Result<bool, Error> {
    let temporary = tempfile::tempdir()?;
    let db = match &arguments.database {
        Some(url) => Db::open(url).await?,
        None => Db::open_sqlite(&temporary.path().join("platform.sqlite")).await?,
    };
    let begun = Instant::now();
    let outcome = Drill::begin(&arguments, db).await?.go_through().await?;
    let mut result = outcome.result;
    if let Some(result) = result.as_object_mut() {
        result.insert("drill".into(), "truth".into());
        result.insert("residents".into(), arguments.residents.into());
        result.insert("years".into(), arguments.years.into());
        result.insert("seed".into(), arguments.seed.into());
        result.insert("step_days".into(), arguments.step_days.into());
        result.insert("seconds".into(), begun.elapsed().as_secs_f64().into());
    }
    super::tell("result", result.clone());
    if let Some(out) = &arguments.out {
        std::fs::write(out, format!("{result:#}\n"))?;
    }
    Ok(outcome.wrong == 0 && outcome.undecided == 0)
}

struct Drill {
    authority: Arc<Authority>,
    clock: Arc<FixedClock>,
    context: Context,
    verification: Verification,
    /// How many generations the platform trusts.
    trusted: usize,
    relying_parties: Vec<RelyingPartyId>,
    /// By the holder's number.
    watched: Vec<bool>,
    ledger: Ledger,
    /// Revocations that no list has told yet.
    fresh: Vec<Key>,
    /// Certificates that the platform is yet to be told of.
    issued: Vec<(AuthorityKind, u32, u32)>,
    step: i64,
    end: UnixTime,
}

impl Drill {
    async fn begin(arguments: &Arguments, db: Db) -> Result<Self, Error> {
        db.migrate(&[musubi_platform::MIGRATIONS, &musubi_verification::migrations()].concat(), EPOCH)
            .await?;
        let population = Population::found(arguments.seed, arguments.residents, EPOCH)?;
        let authority = Arc::new(Authority::over(population));
        let clock = Arc::new(FixedClock::new(EPOCH));
        let context = Context {
            db,
            clock: Arc::clone(&clock) as _,
            random: Arc::new(SystemRandom),
            pairwise_secret: Arc::new(Secret::new(sha256(b"truth").to_vec())),
            signing_key: Arc::new(Ed25519Signer::from_seed(&sha256(b"truth key")).map_err(|_| Error::Key)?),
            api_origin: "https://api.drill.example".into(),
            portal_origin: "https://portal.drill.example".into(),
        };
        let (verification, trusted) = platform(&context, &authority)?;
        let relying_parties = relying_parties(&context).await?;
        let mut drill = Self {
            authority,
            clock,
            context,
            verification,
            trusted,
            relying_parties,
            watched: Vec::new(),
            ledger: Ledger::default(),
            fresh: Vec::new(),
            issued: Vec::new(),
            step: i64::from(arguments.step_days) * DAY,
            end: EPOCH.plus(i64::from(arguments.years) * 365 * DAY),
        };
        drill.register_everybody().await?;
        Ok(drill)
    }

    async fn register_everybody(&mut self) -> Result<(), Error> {
        let holders = self.authority.holders();
        for some in holders.chunks(BATCH) {
            let mut links = Vec::with_capacity(some.len());
            for (holder, certificates) in some {
                let place = usize::try_from(*holder).map_err(|_| Error::Key)?;
                if self.watched.len() <= place {
                    self.watched.resize(place + 1, false);
                }
                if let Some(watched) = self.watched.get_mut(place) {
                    *watched = true;
                }
                let relying_party = self.relying_parties.get(place_of(*holder)).ok_or(Error::Key)?;
                links.push((*holder, relying_party.clone(), purpose_of(*holder)));
                for authority in AuthorityKind::ALL {
                    self.issued.extend(certificates.of(authority).map(|serial| (authority, serial, *holder)));
                }
            }
            let mut tx = self.context.db.begin().await?;
            sql::insert_links(&mut tx, &links, EPOCH).await?;
            tx.commit().await?;
        }
        self.tell_of_issued(EPOCH).await
    }

    /// Has the platform know the certificates issued meanwhile.
    async fn tell_of_issued(&mut self, at: UnixTime) -> Result<(), Error> {
        let issued = std::mem::take(&mut self.issued);
        for some in issued.chunks(BATCH) {
            let certificates: Vec<Certificate> = self.authority.with(|population| {
                let certificate = |(authority, serial, holder): &(AuthorityKind, u32, u32)| {
                    let (_, not_after) = population.validity(*authority, *serial)?;
                    Some(Certificate { authority: *authority, serial: *serial, holder: *holder, not_after })
                };
                some.iter().filter_map(certificate).collect()
            });
            let mut tx = self.context.db.begin().await?;
            sql::insert_certificates(&mut tx, &certificates, at).await?;
            tx.commit().await?;
        }
        Ok(())
    }

    /// Lets the nation live on and writes down the truth.
    fn live(&mut self, until: UnixTime) {
        let Self { authority, watched, ledger, fresh, issued, .. } = self;
        authority.live(until, &mut |event: &Event| {
            let is_watched = usize::try_from(event.resident).ok().and_then(|place| watched.get(place));
            // What was destroyed before it was handed over was never anybody's.
            if is_watched != Some(&true) || event.happening == Happening::NotHandedOver {
                return;
            }
            for kind in AuthorityKind::ALL {
                if let Some(new) = event.issued.of(kind) {
                    issued.push((kind, new.serial, event.resident));
                }
                if let (Some(revoked), Some(meaning)) = (event.revoked.of(kind), event.happening.meaning()) {
                    let key = (event.resident, kind, event.at);
                    let truth = Truth {
                        serial: revoked.serial,
                        meaning,
                        reason: revoked.reason,
                        listed: false,
                        followed_later: false,
                    };
                    ledger.truths.insert(key, truth);
                    fresh.push(key);
                }
            }
        });
    }

    /// The lists of this instant name what has been revoked until now and has not ended.
    fn publish(&mut self, at: UnixTime) {
        self.authority.publish();
        for key in self.fresh.drain(..) {
            let Some(truth) = self.ledger.truths.get_mut(&key) else { continue };
            let validity = self.authority.with(|population| population.validity(key.1, truth.serial));
            truth.listed = validity.is_some_and(|(_, not_after)| at <= not_after);
        }
    }

    async fn go_through(mut self) -> Result<Outcome, Error> {
        let mut at = EPOCH;
        let begun = Instant::now();
        while at < self.end {
            at = at.plus(self.step);
            self.live(at);
            self.publish(at);
            self.clock.set(at);
            self.tell_of_issued(at).await?;
            let (verification, trusted) = platform(&self.context, &self.authority)?;
            if trusted != self.trusted {
                // The operator has installed the certificate of a new generation.
                (self.verification, self.trusted) = (verification, trusted);
            }
            self.verification.take_in().await?;
            let asked_at = at.plus(LINKED_BY);
            self.live(asked_at);
            self.clock.set(asked_at);
            self.tell_of_issued(asked_at).await?;
            loop {
                let settled = follow_up::settle_due(&self.verification).await?;
                if settled == follow_up::Settled::default() {
                    break;
                }
            }
            let done = (at.0 - EPOCH.0) / DAY;
            super::tell("lists", json!({ "day": done, "seconds": begun.elapsed().as_secs_f64() }));
        }
        self.note_what_followed_later();
        self.hear_everything().await?;
        Ok(self.ledger.compare(purpose_of))
    }

    /// Ends after which another certificate was issued before the platform could ask.
    fn note_what_followed_later(&mut self) {
        let by = self.step + LINKED_BY;
        for ((_, kind, at), truth) in &mut self.ledger.truths {
            let succession = self.authority.with(|population| population.succession(*kind, truth.serial));
            let later = succession.and_then(|found| found.next_issued_at).map(|issued| issued.since(*at));
            truth.followed_later = later.is_some_and(|later| later > SAME_VISIT && later <= by);
        }
    }

    async fn hear_everything(&mut self) -> Result<(), Error> {
        let keys = [VerifyingKey::new(self.context.signing_key.public_key())];
        for relying_party in &self.relying_parties {
            let stream = change_stream::stream_of(&self.context, relying_party);
            let mut last = 0;
            loop {
                let mut tx = self.context.db.begin_read().await?;
                let page = change_stream::after(&mut tx, relying_party, last, PAGE).await?;
                let Some(newest) = page.last() else { break };
                last = newest.sequence;
                for stored in &page {
                    let entry = open_entry(&stored.token, &stream, &keys).map_err(|_| Error::Entry)?;
                    let of_change = [CREDENTIAL_CHANGE, CREDENTIAL_COMPROMISE]
                        .into_iter()
                        .any(|known| known.uri == entry.event.uri);
                    if of_change {
                        let key = key_of(&entry.event.body).ok_or(Error::Entry)?;
                        self.ledger.hear(key, stored.sequence, &entry.event.body);
                    }
                }
            }
        }
        Ok(())
    }
}

fn key_of(body: &serde_json::Map<String, Value>) -> Option<Key> {
    let text = |member: &str| body.get(member).and_then(Value::as_str);
    let holder = text("customer_id")?.strip_prefix("c-")?.parse().ok()?;
    let kind = text("certificate_kind")?;
    let kind = AuthorityKind::ALL.into_iter().find(|known| known.as_str() == kind)?;
    Some((holder, kind, UnixTime::parse_rfc3339(text("occurred_at")?).ok()?))
}

/// The platform, with the authorities' generations of today.
fn platform(context: &Context, authority: &Arc<Authority>) -> Result<(Verification, usize), Error> {
    let anchors = authority.with(Population::trust_anchors).map_err(|_| Error::Key)?;
    let count = anchors.len();
    let anchors = TrustAnchors::insecure_test_hierarchy(anchors).map_err(|_| Error::Key)?;
    let upstream = Arc::clone(authority);
    Ok((Verification::new(context.clone(), anchors, upstream, Policy::default()), count))
}

async fn relying_parties(context: &Context) -> Result<Vec<RelyingPartyId>, Error> {
    let key = ClientKey::generate().map_err(|_| Error::Key)?;
    let key_set = JwkSet::parse(&key.jwk_set()).map_err(|_| Error::Key)?;
    let mut all = Vec::new();
    let mut tx = context.db.begin().await?;
    for purpose in PURPOSES {
        let new = NewRelyingParty {
            name_ja: "訓練事業者".into(),
            name_en: format!("Drill: {purpose}"),
            origins: vec![format!("https://{}.example", purpose.replace('_', "-"))],
            key_set: key_set.clone(),
        };
        let id = relying_party::register(&mut tx, &new, context.random.as_ref(), EPOCH).await;
        all.push(id.map_err(|_| Error::Key)?);
    }
    tx.commit().await?;
    Ok(all)
}

#[cfg(test)]
mod tests {
    use super::*;

    async fn go_through(db: Db, residents: u32, years: u32, step_days: u32) -> Outcome {
        let arguments = Arguments { residents, years, seed: 5, step_days, database: None, out: None };
        Drill::begin(&arguments, db).await.unwrap().go_through().await.unwrap()
    }

    #[tokio::test]
    async fn two_thousand_residents_over_five_years_are_told_of_truly() {
        let folder = tempfile::tempdir().unwrap();
        let db = Db::open_sqlite(&folder.path().join("t.sqlite")).await.unwrap();
        let outcome = go_through(db, 2_000, 5, 28).await;
        assert_eq!((outcome.wrong, outcome.undecided), (0, 0), "{:#}", outcome.result);
        let counted = |told: &str| {
            let rows = outcome.result["table"].as_array().unwrap().iter();
            rows.filter(|row| row["told"] == told).map(|row| row["count"].as_u64().unwrap()).sum::<u64>()
        };
        // Every meaning occurs, or the drill would prove nothing.
        for told in
            ["attributes_changed", "renewed", "ended", "held_or_compromised", "undetermined", "not_told"]
        {
            assert!(counted(told) > 0, "{told}: {:#}", outcome.result);
        }
        assert!(outcome.result["refined"].as_u64().unwrap() > 20, "{:#}", outcome.result);
    }

    #[tokio::test]
    async fn it_is_the_same_on_postgresql() {
        let Some(db) = musubi_store::testing::postgres_schema().await else { return };
        let folder = tempfile::tempdir().unwrap();
        let beside = Db::open_sqlite(&folder.path().join("t.sqlite")).await.unwrap();
        let [postgres, sqlite] = [go_through(db, 1_000, 2, 60).await, go_through(beside, 1_000, 2, 60).await];
        assert_eq!((postgres.wrong, postgres.undecided), (0, 0), "{:#}", postgres.result);
        assert!(postgres.result["refined"].as_u64().unwrap() > 0, "{:#}", postgres.result);
        assert_eq!(postgres.result, sqlite.result);
    }
}
