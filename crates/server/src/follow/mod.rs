//! `musubi follow`: the receiver of a change stream as a program (`docs/spec/change-stream.md`). It reads pages or server-sent
//! events, checks every token with the receiver library, appends what is new to a file, each entry once, and keeps its place.
//! `musubi follow verify` checks such a file, or a daily file, offline.
//!
//! Needs no configuration and no database of the platform.

mod client;
mod kept;
mod verify;
mod words;

use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

use musubi_crypto::SystemRandom;
use musubi_feed::{Accepted, Entry, Place, Receiver, Refusal, Standing, Stream, TokenError};
use musubi_httpkit::page::Lang;
use musubi_kernel::{Clock as _, Random as _, SystemClock};

use self::client::{Api, ApiError, Live};
use self::kept::Kept;
use self::words::Said;
use crate::cli::say;
use crate::terminal::languages;

/// What the exit codes mean.
pub(crate) const EXIT_CODES: &str = "Exit codes: 0 complete or ended by Ctrl+C, 1 the stream is broken (a fork, a gap, a \
    forgery), 2 the platform or a file could not be used, 3 nothing proves that it is complete, 64 wrong arguments.";

/// The chain does not hold.
const BROKEN: u8 = 1;
/// The platform does not answer, or a file cannot be used.
const UNUSABLE: u8 = 2;
/// Read to the end, but no heartbeat says that it is the end.
const UNPROVEN: u8 = 3;
/// Wrong arguments.
const USAGE: u8 = 64;

/// A page that leaves something out is asked for again so many times.
const MAX_GAPS: u32 = 3;
/// Longest pause between attempts, in seconds.
const MAX_PAUSE: u64 = 60;
/// A heartbeat counts for so long, in seconds.
const PATIENCE: i64 = 120;

/// The arguments of `musubi follow`.
#[derive(Debug, clap::Args)]
#[command(args_conflicts_with_subcommands = true)]
pub(crate) struct Arguments {
    #[command(subcommand)]
    command: Option<FollowCommand>,
    #[command(flatten)]
    follow: Option<Follow>,
}

#[derive(Debug, clap::Subcommand)]
enum FollowCommand {
    /// Check a kept file or a daily file, offline.
    #[command(after_help = EXIT_CODES)]
    Verify(verify::Verify),
}

#[derive(Debug, clap::Args)]
struct Follow {
    /// The platform's API, `https://api.example.jp`.
    #[arg(long, value_name = "URL")]
    api: String,
    /// The relying party's id, `rp_…`.
    #[arg(long, value_name = "ID")]
    client_id: String,
    /// The relying party's private key: PKCS#8, DER or PEM.
    #[arg(long, value_name = "FILE")]
    key: PathBuf,
    /// Where it keeps how far it is.
    #[arg(long, value_name = "FILE")]
    place: PathBuf,
    /// Follow by server-sent events instead of pages.
    #[arg(long, conflicts_with = "once")]
    live: bool,
    /// End when everything was read.
    #[arg(long)]
    once: bool,
    /// The file to which entries are appended, one JSON object in each line. Without it they go to the standard output.
    #[arg(long, value_name = "FILE")]
    out: Option<PathBuf>,
    /// The platform's public keys (JWK Set), got by another way; without it they are fetched from the platform.
    #[arg(long, value_name = "FILE")]
    keys: Option<PathBuf>,
    /// The language of messages; by LANG if absent.
    #[arg(long, value_parser = languages())]
    language: Option<Lang>,
}

/// Why it ended before its time.
#[derive(Debug, thiserror::Error)]
pub(crate) enum FollowError {
    /// The chain does not hold.
    #[error(transparent)]
    Broken(#[from] Refusal),
    /// The platform.
    #[error(transparent)]
    Api(#[from] ApiError),
    /// A file.
    #[error(transparent)]
    Kept(#[from] kept::KeptError),
    /// The key or the keys.
    #[error("{0}")]
    Unusable(&'static str),
}

/// Runs the command.
pub(crate) fn run(arguments: &Arguments) -> ExitCode {
    if let Some(FollowCommand::Verify(verify)) = &arguments.command {
        return ExitCode::from(verify.run());
    }
    let Some(follow) = &arguments.follow else {
        say(&mut std::io::stderr(), "musubi follow: --api, --client-id, --key and --place are needed");
        return ExitCode::from(USAGE);
    };
    let language = follow.language.unwrap_or_else(Lang::of_environment);
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let Ok(runtime) = runtime else { return ExitCode::from(UNUSABLE) };
    let done = runtime.block_on(async {
        tokio::select! {
            done = followed(follow, language) => done,
            () = crate::asked_to_end() => Ok(0),
        }
    });
    ExitCode::from(done.unwrap_or_else(|error| {
        tell(language, &Said::Failed(&error));
        match error {
            FollowError::Broken(_) => BROKEN,
            _ => UNUSABLE,
        }
    }))
}

fn tell(language: Lang, said: &Said<'_>) {
    // The standard output is for entries.
    say(&mut std::io::stderr(), &said.text(language));
}

/// One who follows.
struct Follower<'a> {
    api: Api,
    kept: Kept,
    receiver: Receiver,
    stream: Stream,
    pinned: bool,
    once: bool,
    language: Lang,
    arguments: &'a Follow,
    told_complete: bool,
}

async fn followed(arguments: &Follow, language: Lang) -> Result<u8, FollowError> {
    let origin = arguments.api.trim_end_matches('/').to_owned();
    let stream = Stream { issuer: origin.clone(), audience: arguments.client_id.clone() };
    let key = client::key(&arguments.key)?;
    let mut api = Api::new(origin, arguments.client_id.clone(), key);
    let keys = match &arguments.keys {
        Some(file) => verify::keys(file)?,
        None => api.signing_keys().await?,
    };
    let (kept, place) = Kept::open(&arguments.place, arguments.out.as_deref(), &stream, &keys)?;
    tell(language, &Said::Begins { after: place.last().sequence });
    let receiver = Receiver::new(stream.clone(), keys, place);
    let mut follower = Follower {
        api,
        kept,
        receiver,
        stream,
        pinned: arguments.keys.is_some(),
        once: arguments.once,
        language,
        arguments,
        told_complete: false,
    };
    if let Some(contradiction) = follower.receiver.place().stopped() {
        return Err(Refusal::Stopped(contradiction).into());
    }
    follower.run().await
}

/// Whether to go on.
enum Next {
    /// There may be more right now.
    More,
    /// Everything was read.
    End,
}

impl Follower<'_> {
    async fn run(&mut self) -> Result<u8, FollowError> {
        let (mut gaps, mut failures) = (0_u32, 0_u32);
        loop {
            let done = if self.arguments.live { self.live().await } else { self.page().await };
            match done {
                Ok(Next::More) => (gaps, failures) = (0, 0),
                Ok(Next::End) if self.once => return Ok(self.verdict()),
                Ok(Next::End) => (gaps, failures) = (0, 0),
                Err(FollowError::Broken(Refusal::Token(TokenError::UnknownKey)))
                    if !self.pinned && gaps == 0 =>
                {
                    // The platform may sign with a new key; one that it does not publish is a forgery.
                    gaps += 1;
                    self.renew_keys().await?;
                }
                Err(FollowError::Broken(gap @ Refusal::Gap { .. })) => {
                    gaps += 1;
                    if gaps >= MAX_GAPS {
                        return Err(gap.into());
                    }
                    // The next page has what is held back.
                    self.receiver.let_go();
                }
                Err(FollowError::Api(error)) if error.is_passing() && !self.once => {
                    if failures == 0 {
                        tell(self.language, &Said::Retries(&error));
                    }
                    failures += 1;
                    tokio::time::sleep(pause(failures)).await;
                }
                Err(error) => return Err(error),
            }
        }
    }

    async fn renew_keys(&mut self) -> Result<(), FollowError> {
        let keys = self.api.signing_keys().await?;
        let place = self.receiver.place().clone();
        self.receiver = Receiver::new(self.stream.clone(), keys, place);
        Ok(())
    }

    /// One page.
    async fn page(&mut self) -> Result<Next, FollowError> {
        let after = self.receiver.place().last().sequence;
        let page = self.api.page(after, !self.once).await?;
        let mut entries = Vec::with_capacity(page.events.len());
        let mut refused = None;
        for event in &page.events {
            match self.receiver.accept(&event.token) {
                Ok(Accepted::New(entry)) => entries.push((entry, event.token.clone())),
                Ok(Accepted::Again | Accepted::Old) => {}
                Err(refusal) => {
                    refused = Some((refusal, event.token.as_str()));
                    break;
                }
            }
        }
        let more = !page.events.is_empty();
        if refused.is_none() {
            refused = self.hear(&page.heartbeat).err().map(|refusal| (refusal, page.heartbeat.as_str()));
        }
        self.keep(&entries)?;
        match refused {
            Some((refusal, token)) => Err(self.refused(refusal, token)),
            None => {
                self.tell_standing();
                Ok(if more { Next::More } else { Next::End })
            }
        }
    }

    /// One connection, until it ends.
    async fn live(&mut self) -> Result<Next, FollowError> {
        let mut live = self.api.live(self.receiver.place().last().sequence).await?;
        let mut heard = false;
        while let Some(event) = live.next().await? {
            heard = true;
            match event {
                Live::Entry(token) => match self.receiver.accept(&token) {
                    Ok(Accepted::New(entry)) => self.keep(&[(entry, token)])?,
                    Ok(Accepted::Again | Accepted::Old) => {}
                    Err(refusal) => return Err(self.refused(refusal, &token)),
                },
                Live::Heartbeat(token) => match self.hear(&token) {
                    Ok(()) => {
                        self.keep(&[])?;
                        self.tell_standing();
                    }
                    Err(refusal) => return Err(self.refused(refusal, &token)),
                },
            }
        }
        // One that ends at once is no answer: whoever connects again without a pause would do so for ever.
        if heard { Ok(Next::More) } else { Err(ApiError::Unreachable.into()) }
    }

    fn hear(&mut self, heartbeat: &str) -> Result<(), Refusal> {
        match self.receiver.heartbeat(heartbeat, SystemClock.now()) {
            // They prove nothing, and are no reason to stop: `standing` says so.
            Ok(_) | Err(Refusal::FromTheFuture | Refusal::HeadWentBack | Refusal::ListsWentBack) => Ok(()),
            Err(refusal) => Err(refusal),
        }
    }

    fn keep(&mut self, entries: &[(Entry, String)]) -> Result<(), FollowError> {
        if !entries.is_empty() {
            self.told_complete = false;
        }
        for (entry, _) in entries {
            tell(self.language, &Said::Entry(entry));
        }
        Ok(self.kept.append(entries, self.receiver.place())?)
    }

    /// Keeps the evidence of a contradiction.
    fn refused(&mut self, refusal: Refusal, token: &str) -> FollowError {
        if matches!(refusal, Refusal::Contradiction(_))
            && let Err(error) = self.kept.contradicted(token, self.receiver.place())
        {
            return error.into();
        }
        refusal.into()
    }

    fn standing(&self) -> Standing {
        self.receiver.place().standing(SystemClock.now(), PATIENCE)
    }

    fn tell_standing(&mut self) {
        let standing = self.standing();
        let complete = matches!(standing, Standing::Complete { .. });
        if complete && self.told_complete {
            return;
        }
        self.told_complete = complete;
        let place: &Place = self.receiver.place();
        tell(self.language, &Said::Stands(standing, place.heard()));
    }

    fn verdict(&self) -> u8 {
        match self.standing() {
            Standing::Complete { .. } => 0,
            _ => UNPROVEN,
        }
    }
}

/// Doubles with each failure, with some randomness so that those whom one outage cut off do not come back as one.
fn pause(failures: u32) -> Duration {
    let seconds = 1_u64.checked_shl(failures.min(6)).unwrap_or(MAX_PAUSE).min(MAX_PAUSE);
    let mut byte = [0];
    SystemRandom.fill(&mut byte);
    Duration::from_secs(seconds) + Duration::from_millis(u64::from(byte[0]) * 4)
}
