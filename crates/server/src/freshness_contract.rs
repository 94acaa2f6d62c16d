//! `musubi freshness-contract`: what relying parties have registered about the age of evidence (`docs/freshness.md`), by the
//! operator's hand. The rules are those of the route.

use clap::{Subcommand, ValueEnum};
use musubi_crypto::SystemRandom;
use musubi_kernel::{Clock as _, SystemClock};
use musubi_platform::relying_party::RelyingPartyId;
use musubi_verification::freshness::{self, CheckBy, Contract, InOutage, LONGEST_HOLD, Registered};

use crate::cli::{ConfigFile, Failure, database, say};
use crate::config::Config;

/// What is done with contracts.
#[derive(Debug, Subcommand)]
pub(crate) enum FreshnessContractCommand {
    /// Show a relying party's contracts: purpose (`*` for all others) and terms in JSON.
    Show {
        #[command(flatten)]
        file: ConfigFile,
        /// The relying party's identifier.
        relying_party: RelyingPartyId,
    },
    /// Register a contract, from now on.
    Set {
        #[command(flatten)]
        file: ConfigFile,
        /// The relying party's identifier.
        relying_party: RelyingPartyId,
        /// The purpose; left out: all that have none of their own.
        #[arg(long)]
        purpose: Option<String>,
        /// How old evidence may be, in seconds.
        #[arg(long)]
        max_age_seconds: i64,
        /// What happens to what cannot be judged now.
        #[arg(long)]
        in_outage: OutageArgument,
        /// By what the status is asked.
        #[arg(long, default_value = "list-then-ocsp")]
        check_by: CheckArgument,
        /// How long the platform tries, in seconds.
        #[arg(long, default_value_t = LONGEST_HOLD)]
        hold_seconds: i64,
        /// How old evidence may be for a provisional acceptance, in seconds; with `accept-with-follow-up`.
        #[arg(long)]
        provisional_max_age_seconds: Option<i64>,
    },
}

#[derive(Debug, Clone, Copy, ValueEnum)]
pub(crate) enum OutageArgument {
    Refuse,
    Hold,
    AcceptWithFollowUp,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
pub(crate) enum CheckArgument {
    List,
    ListThenOcsp,
    Ocsp,
}

pub(crate) async fn run(command: FreshnessContractCommand) -> Result<(), Failure> {
    match command {
        FreshnessContractCommand::Show { file, relying_party } => {
            let mut tx = database(&Config::read(&file.config)?).await?.begin_read().await?;
            for Registered { purpose, contract } in freshness::contracts_of(&mut tx, &relying_party).await? {
                let purpose = purpose.as_deref().unwrap_or("*");
                let terms = serde_json::to_string(&contract)?;
                say(&mut std::io::stdout(), &format!("{purpose}\t{terms}"));
            }
        }
        FreshnessContractCommand::Set {
            file,
            relying_party,
            purpose,
            max_age_seconds,
            in_outage,
            check_by,
            hold_seconds,
            provisional_max_age_seconds,
        } => {
            let config = Config::read(&file.config)?;
            let contract = Contract {
                max_age_seconds,
                in_outage: match in_outage {
                    OutageArgument::Refuse => InOutage::Refuse,
                    OutageArgument::Hold => InOutage::Hold,
                    OutageArgument::AcceptWithFollowUp => InOutage::AcceptWithFollowUp,
                },
                check_by: match check_by {
                    CheckArgument::List => CheckBy::List,
                    CheckArgument::ListThenOcsp => CheckBy::ListThenOcsp,
                    CheckArgument::Ocsp => CheckBy::Ocsp,
                },
                hold_seconds,
                provisional_max_age_seconds,
            };
            let registered = Registered { purpose, contract };
            let most = config.trust.max_list_age_seconds;
            let mut tx = database(&config).await?.begin().await?;
            let at = SystemClock.now();
            freshness::set(&mut tx, &relying_party, &registered, most, &SystemRandom, at).await?;
            tx.commit().await?;
        }
    }
    Ok(())
}
