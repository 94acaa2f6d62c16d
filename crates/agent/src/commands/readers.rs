//! `musubi-agent readers`: which readers there are and what is on them. Touches no card.

use musubi_kernel::shown;

use crate::messages::Condition;
use crate::pcsc::{self, Place};
use crate::terminal::Terminal;

/// Lists the readers.
pub(crate) fn run(terminal: &mut Terminal<'_>) -> Result<(), Condition> {
    for reader in pcsc::readers()? {
        let place = match reader.place {
            Place::Empty => "cli.place.empty",
            Place::Card => "cli.place.card",
            Place::CardInUse => "cli.place.in_use",
            Place::Mute => "cli.place.mute",
            Place::Unavailable => "cli.place.unavailable",
        };
        let line = format!("{}\t{}", shown(&reader.name), terminal.tr.get(place));
        terminal.say(&line);
    }
    Ok(())
}
