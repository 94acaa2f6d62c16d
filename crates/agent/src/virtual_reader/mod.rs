//! A card of the simulated nation on a virtual reader of PC/SC (vpcd), for other people's middleware: `musubi-agent
//! virtual`. The card itself is not here ([`nation`]): this passes messages on, and keeps at it while reader or nation come
//! and go.

mod nation;
mod vpcd;

use std::net::Ipv4Addr;
use std::time::Duration;

use musubi_card::transport::TransportError;
use musubi_kernel::shown;
use tokio::net::TcpStream;
use tokio::task::JoinHandle;

pub(crate) use nation::Profile;
use nation::{BlockedPin, Chaining, Nation, NationCard, NationError, NewSession, Power, Resident};
use vpcd::Request;

use crate::messages::Condition;
use crate::pcsc::{self, Place};
use crate::terminal::Terminal;

/// Between two attempts to reach what is not there.
const PAUSE: Duration = Duration::from_secs(1);
/// How often, and how long apart, the service is asked on which reader the card has appeared.
const LOOKS: u32 = 20;
/// In so many looks one after the other it must be the same reader.
const STEADY: u32 = 4;
const BETWEEN_LOOKS: Duration = Duration::from_millis(150);

/// Connects a card of the running demo to a virtual reader, until Ctrl+C.
#[derive(Debug, clap::Args)]
pub(crate) struct Arguments {
    /// Where the simulated nation answers.
    #[arg(long, default_value = "http://card.localhost:8080", value_name = "ORIGIN")]
    nation: String,
    /// Whose card; the first resident's unless given.
    #[arg(long, value_name = "ID")]
    resident: Option<String>,
    /// List the residents who have cards, and end.
    #[arg(long)]
    list: bool,
    /// The port on which vpcd waits for a card, on this computer.
    #[arg(long, default_value_t = vpcd::DEFAULT_PORT, value_name = "PORT")]
    reader_port: u16,
    /// Which carrier of the certificates is imitated.
    #[arg(long, value_enum, default_value = "plastic")]
    profile: Profile,
    /// Answer as other cards and some readers do, with 61xx and 6Cxx.
    #[arg(long)]
    get_response: bool,
    /// Answer this late, in milliseconds.
    #[arg(long, default_value_t = 0, value_name = "MS")]
    delay_ms: u32,
    /// Block this PIN first, until the demo's town hall sets it again; may be given several times.
    #[arg(long, value_enum, value_name = "PIN")]
    block: Vec<BlockedPin>,
    /// Take the card away at the N-th command.
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..))]
    removed_at: Option<u32>,
    /// Cut the power within the N-th command.
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..))]
    torn_at: Option<u32>,
}

/// Why one card's time on the reader ended.
enum Ended {
    /// The card was taken away, as was asked for.
    Removed,
    /// The card's power failed, as was asked for; it is back.
    Torn,
    /// The reader went, the nation forgot the card, or does not answer; both may come back.
    Lost(Option<Condition>),
}

/// Runs until the card is taken away, or `stop` comes.
pub(crate) async fn run(
    arguments: &Arguments,
    terminal: &mut Terminal<'_>,
    stop: impl Future<Output = ()>,
) -> Result<(), Condition> {
    let nation = Nation::at(&arguments.nation, arguments.delay_ms)?;
    let residents = nation.residents(terminal.tr.code()).await?;
    if arguments.list {
        for Resident { id, name, note } in &residents {
            terminal.say(&format!("{}\t{}\t{}", shown(id), shown(name), shown(note)));
        }
        return Ok(());
    }
    let resident = match &arguments.resident {
        Some(id) => residents.iter().find(|resident| resident.id == *id),
        None => residents.first(),
    };
    let resident = resident.ok_or(Condition::NoSuchResident)?;
    for pin in &arguments.block {
        nation.block(resident, *pin).await?;
    }
    // The session in use, so that it can be ended there whichever way this ends here.
    let mut card = Some(nation.card(&arguments.session(resident)).await?);
    let ended = tokio::select! {
        ended = keep_at_it(arguments, &nation, resident, &mut card, terminal) => ended,
        () = stop => Ok("cli.virtual.ended"),
    };
    if let Some(card) = card {
        card.take_away().await;
    }
    let text = terminal.tr.get(ended?);
    terminal.say(text);
    Ok(())
}

impl Arguments {
    fn session(&self, resident: &Resident) -> NewSession {
        NewSession {
            resident: resident.id.clone(),
            profile: self.profile,
            chaining: if self.get_response { Chaining::GetResponse } else { Chaining::Direct },
            delay_ms: self.delay_ms,
            removed_at: self.removed_at,
            torn_at: self.torn_at,
        }
    }
}

/// Connects reader and card again and again; ends with the text that says why the card is away for good.
async fn keep_at_it(
    arguments: &Arguments,
    nation: &Nation,
    resident: &Resident,
    card: &mut Option<NationCard>,
    terminal: &mut Terminal<'_>,
) -> Result<&'static str, Condition> {
    loop {
        // Where pcscd starts on demand and ends when nobody needs it, this starts and keeps it.
        let service = tokio::task::spawn_blocking(pcsc::Presence::begin).await.ok();
        let (reader, before) = reader(arguments.reader_port, terminal).await;
        let current = match card {
            Some(card) => card,
            None => card.insert(another(nation, &arguments.session(resident), terminal).await?),
        };
        match serve(reader, current, before, (resident, arguments.reader_port), terminal).await {
            Ended::Removed => return Ok("cli.virtual.removed"),
            Ended::Torn => {
                let text = terminal.tr.get("cli.virtual.torn");
                terminal.say(text);
            }
            Ended::Lost(condition) => {
                match condition {
                    Some(condition) => terminal.warn(&condition),
                    None => {
                        let text = terminal.tr.get("cli.virtual.lost");
                        crate::terminal::say(terminal.err, text);
                    }
                }
                if let Some(old) = card.take() {
                    old.take_away().await;
                }
            }
        }
        drop(service);
        tokio::time::sleep(PAUSE).await;
    }
}

/// The connection to the reader, and which readers had cards before it; waits until it is there, and says so once.
async fn reader(port: u16, terminal: &mut Terminal<'_>) -> (TcpStream, Option<Vec<String>>) {
    let mut said = false;
    loop {
        let before = readers_with_cards().await;
        if let Ok(stream) = TcpStream::connect((Ipv4Addr::LOCALHOST, port)).await {
            // Messages are small and each is waited for.
            drop(stream.set_nodelay(true));
            return (stream, before);
        }
        if !said {
            terminal.warn(&Condition::VpcdUnreachable(port));
            said = true;
        }
        tokio::time::sleep(PAUSE).await;
    }
}

/// A new session; waits until the nation is there again, and says so once.
async fn another(
    nation: &Nation,
    new: &NewSession,
    terminal: &mut Terminal<'_>,
) -> Result<NationCard, Condition> {
    let mut said = false;
    loop {
        match nation.card(new).await {
            Err(condition @ Condition::NationUnreachable(_)) => {
                if !said {
                    terminal.warn(&condition);
                    said = true;
                }
                tokio::time::sleep(PAUSE).await;
            }
            other => return other,
        }
    }
}

/// vpcd sends the length of a message, then the message, which its system holds back until the length is acknowledged: some
/// 40 ms for each command. The wish lasts until something is sent.
fn acknowledge_at_once(reader: &TcpStream) {
    #[cfg(any(target_os = "linux", target_os = "android"))]
    drop(reader.set_quickack(true));
    #[cfg(not(any(target_os = "linux", target_os = "android")))]
    let _ = reader;
}

/// Passes on what the reader wants, until one of the two is gone. `before`: the readers that had cards before this one.
async fn serve(
    mut reader: TcpStream,
    card: &NationCard,
    before: Option<Vec<String>>,
    place: (&Resident, u16),
    terminal: &mut Terminal<'_>,
) -> Ended {
    let mut looking = Looking::NotYet(before);
    loop {
        acknowledge_at_once(&reader);
        let received = {
            // A message that has begun to arrive must not be dropped, so the search goes on beside it.
            let mut receiving = std::pin::pin!(vpcd::receive(&mut reader));
            loop {
                tokio::select! {
                    received = &mut receiving => break received,
                    found = looking.found() => announce(found, place, terminal),
                }
            }
        };
        let Ok(request) = received else { return Ended::Lost(None) };
        let answer = match &request {
            Request::PowerOff => card.power(Power::Off).await.map(|()| None),
            Request::PowerOn => card.power(Power::On).await.map(|()| None),
            Request::Reset => card.power(Power::Reset).await.map(|()| None),
            Request::Atr => Ok(Some(card.atr.clone().into())),
            Request::Command(command) => card.transmit(command).await.map(Some),
        };
        match answer {
            Ok(Some(answer)) => {
                if vpcd::send(&mut reader, &answer).await.is_err() {
                    return Ended::Lost(None);
                }
            }
            Ok(None) => {}
            // Ends the connection in either case: there is no answer to the reader.
            Err(NationError::Removed) => {
                let is_back = card.power(Power::On).await.is_ok();
                return if is_back { Ended::Torn } else { Ended::Removed };
            }
            Err(NationError::Forgotten) => return Ended::Lost(None),
            Err(NationError::Condition(condition)) => return Ended::Lost(Some(condition)),
        }
        // Whoever asks for the answer to reset has seen the card.
        if request == Request::Atr {
            looking.begin();
        }
    }
}

fn announce(found: Option<String>, (resident, port): (&Resident, u16), terminal: &mut Terminal<'_>) {
    let name = shown(&resident.name);
    let text = match found {
        Some(reader) => terminal.tr.with("cli.virtual.ready", &[("name", name), ("reader", shown(&reader))]),
        None => terminal.tr.with("cli.virtual.ready_unnamed", &[("name", name), ("port", port.to_string())]),
    };
    terminal.say(&text);
}

/// The search for the reader on which the card has appeared; made once for each connection.
enum Looking {
    NotYet(Option<Vec<String>>),
    Under(JoinHandle<Option<String>>),
    Done,
}

impl Looking {
    fn begin(&mut self) {
        if let Self::NotYet(before) = self {
            *self = Self::Under(tokio::spawn(appeared(before.take())));
        }
    }

    /// The reader, if it was found; waits for ever where nothing is searched.
    async fn found(&mut self) -> Option<String> {
        let Self::Under(search) = self else { return std::future::pending().await };
        let found = search.await.unwrap_or(None);
        *self = Self::Done;
        found
    }
}

/// The reader on which a card has appeared, if it is one. The service looks at its readers one after the other, and a
/// card may show on several (vpcd with more than one reader mixes up their slots): so for some looks it must stay the one.
async fn appeared(before: Option<Vec<String>>) -> Option<String> {
    let before = before?;
    let mut alone = (None, 0);
    for _ in 0..LOOKS {
        let now = readers_with_cards().await?;
        let mut new = now.into_iter().filter(|reader| !before.contains(reader));
        match (new.next(), new.next()) {
            (Some(_), Some(_)) => return None,
            (one, _) => {
                let times = if one == alone.0 { alone.1 + 1 } else { 1 };
                alone = (one, times);
            }
        }
        if let (Some(reader), STEADY) = &alone {
            return Some(reader.clone());
        }
        tokio::time::sleep(BETWEEN_LOOKS).await;
    }
    None
}

async fn readers_with_cards() -> Option<Vec<String>> {
    let has_card = |place| matches!(place, Place::Card | Place::CardInUse | Place::Mute);
    match tokio::task::spawn_blocking(pcsc::readers).await.ok()? {
        Ok(readers) => {
            let with_card = readers.into_iter().filter(|reader| has_card(reader.place));
            Some(with_card.map(|reader| reader.name).collect())
        }
        Err(TransportError::NoReader) => Some(Vec::new()),
        Err(_) => None,
    }
}
