//! From the publication of a list to the receipt of its events: a platform with a nation's registrations, an authority with a
//! nation's lists, and a receiver for every relying party, all on this machine and over HTTP.

mod fill;
mod http;
mod sql;

use std::fs::File;
use std::io::BufWriter;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

use musubi_crypto::{Ed25519Signer, SystemRandom, sha256};
use musubi_feed::VerifyingKey;
use musubi_httpkit::outbound::Reach;
use musubi_httpkit::page::CardOrigins;
use musubi_kernel::{Secret, SystemClock, UnixTime};
use musubi_nation::synthetic::{SyntheticLists, SyntheticOrder, Version};
use musubi_pki::{AuthorityKind, Policy, TrustAnchors};
use musubi_platform::change_stream;
use musubi_platform::relying_party::RelyingPartyId;
use musubi_server::{Origins, Parts, Platform};
use musubi_store::{Db, StoreError};
use musubi_stream::push::{self, NewEndpoint, Style};
use musubi_verification::upstream::HttpUpstream;
use serde_json::{Value, json};
use tokio::sync::watch;

use crate::tell;
use fill::Customer;
use http::{Authority, Receiver};

/// The drill's size.
#[derive(Debug, clap::Args)]
pub(crate) struct Arguments {
    /// Watched customers.
    #[arg(long, default_value_t = 1_000_000)]
    customers: u64,
    /// Relying parties, each with a receiver.
    #[arg(long, default_value_t = 1_000)]
    relying_parties: usize,
    /// Entries of the list before.
    #[arg(long, default_value_t = 25_000_000)]
    entries: u64,
    /// Revocations that are new on the published list, each of a watched customer.
    #[arg(long, default_value_t = 50_000)]
    revocations: u64,
    /// `postgres://…`; left out: SQLite in the folder.
    #[arg(long)]
    database: Option<String>,
    /// Where lists and database lie; left out: a temporary folder.
    #[arg(long)]
    folder: Option<PathBuf>,
    /// Serial numbers that the authority has given out.
    #[arg(long, default_value_t = SyntheticOrder::NATION)]
    serials: u64,
    /// Have upstream announce no delta list, so that the whole list is fetched.
    #[arg(long)]
    without_delta: bool,
    /// Most seconds that the slowest of a hundred may take.
    #[arg(long, default_value_t = 60)]
    aim: u64,
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
    #[error("a list could not be made: {0}")]
    List(String),
    #[error("the platform did not start: {0}")]
    Start(#[from] musubi_server::StartError),
    #[error("an endpoint was refused: {0}")]
    Endpoint(#[from] push::PushError),
    #[error("a key could not be made")]
    Key,
    #[error("not all endpoints were verified, or not all events came, in time")]
    TooLate,
}

const CREDENTIAL: &str = "drill";
const WAIT: Duration = Duration::from_secs(900);

/// One authority's lists on the shelf.
struct Lists {
    lists: SyntheticLists,
    first: Value,
    next: Value,
}

impl Lists {
    fn make(folder: &Path, order: SyntheticOrder, without_delta: bool) -> Result<Self, Error> {
        let failed = |error: &dyn std::error::Error| Error::List(error.to_string());
        let lists = SyntheticLists::new(order).map_err(|error| failed(&error))?;
        let name = |what: &str| format!("{}-{what}.crl", order.authority.as_str().replace('_', "-"));
        let announce = |what: &str, version, written: musubi_nation::Written, deltas: Vec<Value>| {
            json!({
                "authority": order.authority, "key_id": lists.key_id(), "number": lists.number(version),
                "path": format!("/upstream/v1/revocation-lists/{}", name(what)), "bytes": written.bytes,
                "scope": "full", "deltas": deltas,
            })
        };
        let create = |what: &str| File::create(folder.join(name(what))).map(BufWriter::new);
        let mut whole = Vec::new();
        for (what, version) in [("first", Version::First), ("next", Version::Next)] {
            let written = lists.write_full(&mut create(what)?, version, &mut |_, _| ());
            whole.push(written.map_err(|error| failed(&error))?);
        }
        let delta = lists.write_delta(&mut create("delta")?).map_err(|error| failed(&error))?;
        let delta = json!({
            "base_number": lists.number(Version::First), "number": lists.number(Version::Next),
            "path": format!("/upstream/v1/revocation-lists/{}", name("delta")), "bytes": delta.bytes,
        });
        let [first, next] = <[_; 2]>::try_from(whole).map_err(|_| Error::Key)?;
        let first = announce("first", Version::First, first, Vec::new());
        let deltas = if without_delta { Vec::new() } else { vec![delta] };
        let next = announce("next", Version::Next, next, deltas);
        Ok(Self { lists, first, next })
    }
}

/// Runs the drill; answers whether the aim was reached.
pub(crate) async fn run(arguments: Arguments) -> Result<bool, Error> {
    let temporary = tempfile::tempdir()?;
    let folder = arguments.folder.clone().unwrap_or_else(|| temporary.path().to_owned());
    let (list_folder, sealed_folder) = (folder.join("lists"), folder.join("sealed"));
    std::fs::create_dir_all(&list_folder)?;
    std::fs::create_dir_all(&sealed_folder)?;

    // The first list is a day old, so that the next one is of this moment.
    let begun = now().plus(-86_400 - 60);
    let order = |authority, entries, next| SyntheticOrder {
        seed: 5,
        authority,
        entries,
        range: arguments.serials,
        next,
        expired: 0,
        clustering: 30,
        at: begun,
    };
    let made_at = Instant::now();
    let (delta, target) = (arguments.without_delta, list_folder.clone());
    let signature = order(AuthorityKind::DigitalSignature, arguments.entries, arguments.revocations);
    let authentication = order(AuthorityKind::UserAuthentication, 1_000, 0);
    let made = tokio::task::spawn_blocking(move || {
        Ok::<_, Error>((
            Lists::make(&target, signature, delta)?,
            Lists::make(&target, authentication, delta)?,
        ))
    });
    let (lists, others) = made.await.map_err(|_| Error::Key)??;
    tell("lists", json!({ "seconds": made_at.elapsed().as_secs_f64(), "bytes": lists.next.get("bytes") }));

    let authority = Authority { folder: list_folder, shelf: Arc::default() };
    authority.publish(vec![lists.first.clone(), others.first.clone()]);
    let gateway = authority.clone().serve().await?;
    let platform = open(&arguments, &folder, &sealed_folder, gateway, [&lists, &others]).await?;
    let context = platform.context().clone();

    let filled_at = Instant::now();
    let relying_parties = fill::relying_parties(&context, arguments.relying_parties, begun).await?;
    let written = fill::customers(
        &context,
        &relying_parties,
        customers(&lists.lists, &arguments),
        begun,
        |written, _| {
            if written % 2_000_000 == 0 {
                tell(
                    "filling",
                    json!({ "customers": written, "seconds": filled_at.elapsed().as_secs_f64() }),
                );
            }
        },
    )
    .await?;
    let filling = filled_at.elapsed();
    tell("filled", json!({ "customers": written, "seconds": filling.as_secs_f64() }));

    let first_at = Instant::now();
    let first = platform.verification().take_in().await;
    tell(
        "first list",
        json!({ "taken": first.map_err(|error| Error::List(error.to_string()))?,
        "seconds": first_at.elapsed().as_secs_f64() }),
    );

    let receivers = receivers(&platform, &relying_parties).await?;
    let (stop, stopped) = watch::channel(false);
    let background = tokio::spawn({
        let (platform, stopped) = (platform.clone(), stopped.clone());
        async move { platform.run_background(stopped).await }
    });
    let verified_at = Instant::now();
    wait_until(|| async {
        let mut tx = context.db.begin_read().await?;
        let status = push::status(&mut tx).await?;
        Ok(status.iter().filter(|endpoint| endpoint.state == push::State::Active).count() == receivers.len())
    })
    .await?;
    tell("endpoints verified", json!({ "seconds": verified_at.elapsed().as_secs_f64() }));

    let published = Instant::now();
    authority.publish(vec![lists.next.clone(), others.first.clone()]);
    let expected = usize::try_from(arguments.revocations).unwrap_or(usize::MAX);
    let in_use = Duration::from_millis(5);
    let mut switched = None;
    let deadline = published + WAIT;
    loop {
        let number = lists.lists.number(Version::Next);
        if switched.is_none()
            && platform.verification().lists().snapshot().iter().any(|list| list.number() == number)
        {
            switched = Some(published.elapsed());
        }
        let came: usize = receivers.iter().map(|receiver| receiver.with(|received| received.at.len())).sum();
        if came >= expected {
            break;
        }
        if Instant::now() > deadline {
            return Err(Error::TooLate);
        }
        tokio::time::sleep(in_use).await;
    }
    stop.send_replace(true);
    drop(background.await);

    let looking = Instant::now();
    let (certificates, missing) = platform.verification().look_at_all_again(|_| ()).await?;
    let looked = looking.elapsed();

    let mut seconds: Vec<f64> = Vec::with_capacity(expected);
    let (mut wrong, mut again) = (0, 0);
    for receiver in &receivers {
        receiver.with(|received| {
            seconds.extend(received.at.iter().map(|at| at.duration_since(published).as_secs_f64()));
            wrong += received.wrong;
            again += received.again;
        });
    }
    seconds.sort_by(f64::total_cmp);
    let part =
        |hundredths: usize| seconds.get((seconds.len() * hundredths / 100).min(seconds.len() - 1)).copied();
    let p99 = part(99).unwrap_or(f64::MAX);
    let result = json!({
        "drill": "publication", "database": context.db.engine(), "customers": written,
        "relying_parties": relying_parties.len(), "entries": arguments.entries,
        "revocations": arguments.revocations, "by_delta": !arguments.without_delta,
        "filling_seconds": filling.as_secs_f64(),
        "list_in_use_seconds": switched.map(|at| at.as_secs_f64()),
        "events": seconds.len(), "wrong": wrong, "again": again,
        "seconds": { "first": part(0), "p50": part(50), "p90": part(90), "p99": p99, "last": part(100) },
        "recheck": { "certificates": certificates, "seconds": looked.as_secs_f64(), "events_missing": missing },
        "peak_memory_bytes": peak_memory(),
    });
    tell("result", result.clone());
    if let Some(out) = &arguments.out {
        std::fs::write(out, format!("{result:#}\n"))?;
    }
    Ok(wrong == 0
        && seconds.len() == expected
        && p99 <= f64::from(u32::try_from(arguments.aim).unwrap_or(u32::MAX)))
}

fn now() -> UnixTime {
    musubi_kernel::Clock::now(&SystemClock)
}

/// The most memory that this process has held, in bytes, as Linux tells it.
fn peak_memory() -> Option<u64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"))?;
    line.trim().strip_suffix(" kB")?.trim().parse::<u64>().ok().map(|kilobytes| kilobytes * 1024)
}

async fn wait_until<F: Future<Output = Result<bool, StoreError>>>(done: impl Fn() -> F) -> Result<(), Error> {
    let deadline = Instant::now() + WAIT;
    while !done().await? {
        if Instant::now() > deadline {
            return Err(Error::TooLate);
        }
        tokio::time::sleep(Duration::from_millis(200)).await;
    }
    Ok(())
}

async fn open(
    arguments: &Arguments,
    folder: &Path,
    sealed_folder: &Path,
    gateway: std::net::SocketAddr,
    lists: [&Lists; 2],
) -> Result<Platform, Error> {
    let db = match &arguments.database {
        Some(url) => Db::open(url).await?,
        None => Db::open_sqlite(&folder.join("platform.sqlite")).await?,
    };
    let mut anchors = Vec::new();
    for list in lists {
        anchors.push((list.lists.order().authority, list.lists.certificate().map_err(|_| Error::Key)?));
    }
    let upstream = HttpUpstream::new(format!("http://{gateway}"), Secret::new(CREDENTIAL.into()));
    let parts = Parts {
        db,
        clock: Arc::new(SystemClock),
        random: Arc::new(SystemRandom),
        pairwise_secret: Secret::new(sha256(b"drill").to_vec()),
        signing_key: Ed25519Signer::from_seed(&sha256(b"drill key")).map_err(|_| Error::Key)?,
        anchors: TrustAnchors::insecure_test_hierarchy(anchors).map_err(|_| Error::Key)?,
        card_authorities: musubi_verification::presence::CardAuthorities::default(),
        upstream: Arc::new(upstream),
        policy: Policy::default(),
        origins: Origins {
            api: "https://api.drill.example".into(),
            portal: "https://portal.drill.example".into(),
            card: CardOrigins::from("https://card.drill.example"),
        },
        sealed_lists: Some(sealed_folder.to_owned()),
        reach: Reach::LoopbackTooForTests,
    };
    Ok(Platform::open(parts).await?)
}

/// The customers: first those whose certificates the next list names, then those of good certificates, in their order.
fn customers(lists: &SyntheticLists, arguments: &Arguments) -> impl Iterator<Item = Customer> + use<> {
    let relying_parties = arguments.relying_parties;
    let serial = |entry: musubi_nation::Entry| u32::try_from(entry.serial).unwrap_or(u32::MAX);
    let revoked: Vec<u32> = lists.changes().map(serial).collect();
    let mut listed = lists.entries(Version::Next).map(serial).peekable();
    let first = u32::try_from(SyntheticOrder::FIRST_SERIAL).unwrap_or(u32::MAX);
    let end = first.saturating_add(u32::try_from(arguments.serials).unwrap_or(u32::MAX));
    let good = (first..end).filter(move |serial| {
        while listed.next_if(|listed| listed < serial).is_some() {}
        listed.peek() != Some(serial)
    });
    let all =
        revoked.into_iter().chain(good).take(usize::try_from(arguments.customers).unwrap_or(usize::MAX));
    (0..).zip(all).map(move |(number, signature)| Customer {
        number,
        signature,
        // The list of the other authority names none of these.
        authentication: signature.saturating_add(1 << 30),
        relying_party: usize::try_from(number).unwrap_or(0) % relying_parties.max(1),
    })
}

async fn receivers(platform: &Platform, relying_parties: &[RelyingPartyId]) -> Result<Vec<Receiver>, Error> {
    let context = platform.context();
    let keys = vec![VerifyingKey::new(context.signing_key.public_key())];
    let mut all = Vec::with_capacity(relying_parties.len());
    for relying_party in relying_parties {
        let receiver = Receiver::of(change_stream::stream_of(context, relying_party), keys.clone());
        let address = receiver.clone().serve().await?;
        let new = NewEndpoint {
            url: format!("http://{address}/events"),
            style: Style::SetPush,
            authorization: None,
            heartbeat_seconds: push::HEARTBEAT_SECONDS,
            after: None,
        };
        let mut tx = context.db.begin().await?;
        let (endpoint, _) = push::set_endpoint(
            &mut tx,
            context,
            Reach::LoopbackTooForTests,
            relying_party,
            &new,
            context.clock.now(),
        )
        .await?;
        tx.commit().await?;
        receiver.show(endpoint.challenge);
        all.push(receiver);
    }
    Ok(all)
}
