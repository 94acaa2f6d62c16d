//! The operator's configuration: one TOML file, one struct per section. Unknown keys fail; secrets come only
//! from files or named environment variables. Longer than 500 lines because a section and its check belong together.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use musubi_console::AccessCode;
use musubi_crypto::{Ed25519Signer, SystemRandom, hmac_sha256};
use musubi_httpkit::HeaderName;
use musubi_httpkit::page::{CardAgent, CardOrigins};
use musubi_kernel::{Secret, SystemClock};
use musubi_pki::{AuthorityKind, TrustAnchors};
use musubi_platform::Context;
use musubi_platform::metering::FeeTable;
use musubi_store::Db;
use musubi_verification::presence::CardAuthorities;
use musubi_verification::upstream::WhichLists;
use serde::Deserialize;

use crate::card_authorities;

/// Everything that `musubi serve` reads.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Config {
    /// Where it listens and what it is called.
    pub server: ServerSection,
    /// Where it keeps its data.
    pub database: DatabaseSection,
    /// Whom it trusts.
    pub trust: TrustSection,
    /// The authorities' gateway.
    pub upstream: UpstreamSection,
    /// How revocation lists are kept.
    #[serde(default)]
    pub revocation: RevocationSection,
    /// Use of cards without PIN; off if left out.
    pub presence: Option<PresenceSection>,
    /// How long answers can be corrected.
    pub freshness: Option<FreshnessSection>,
    /// Secrets.
    pub secrets: SecretsSection,
    /// The operator's console; off if left out.
    pub console: Option<ConsoleSection>,
    /// Prometheus metrics; off if left out.
    pub metrics: Option<MetricsSection>,
    /// Spans to a collector; off if left out.
    pub telemetry: Option<TelemetrySection>,
    /// What work costs; the listed fees if left out.
    #[serde(default)]
    pub fees: FeeTable,
}

/// `[server]`.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ServerSection {
    /// Address to listen on. TLS is ended by a proxy in front.
    pub listen: SocketAddr,
    /// Header in which the proxy in front names the client's address, such as `x-forwarded-for`. Without it, rate
    /// limits count the connecting address: behind a proxy that is everybody at once.
    pub client_address_header: Option<String>,
    /// Origin of the REST API, `https://api.example.jp`. Requests to its host, and no other, reach the API.
    pub api_origin: String,
    /// Origin of the portal, on another host.
    pub portal_origin: String,
    /// Origin of the card window or connector.
    pub card_origin: String,
    /// Where `musubi-agent` listens on residents' own computers, `http://127.0.0.1:24817`; the portal then offers their card
    /// reader beside the card window. Left out: it does not.
    pub agent_origin: Option<String>,
    /// Address of a page that says how to start the program; together with `agent_origin`.
    pub agent_help: Option<String>,
}

/// `[database]`.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DatabaseSection {
    /// `sqlite:PATH` or `postgres://…` without a password.
    pub url: Option<String>,
    /// Name of an environment variable that holds the address, password included.
    pub url_env: Option<String>,
}

/// `[trust]`.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TrustSection {
    /// `production`, or `test_hierarchy_never_in_production` with the folders below.
    pub mode: TrustMode,
    /// Folder of DER certificates of the signing authority's test roots.
    pub digital_signature_roots: Option<PathBuf>,
    /// Folder of DER certificates of the user-authentication authority's test roots.
    pub user_authentication_roots: Option<PathBuf>,
    /// Refuse lists older than this many seconds, even before their nextUpdate.
    pub max_list_age_seconds: Option<i64>,
}

/// Which roots are trusted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum TrustMode {
    /// The six roots that J-LIS publishes, built in.
    Production,
    /// Roots of a test hierarchy, and no others.
    TestHierarchyNeverInProduction,
}

/// `[upstream]`.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct UpstreamSection {
    /// Origin of the gateway (`docs/spec/upstream.md`).
    pub origin: String,
    /// File with the credential.
    pub credential_file: PathBuf,
}

/// `[revocation]`; what is left out has its default.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct RevocationSection {
    /// Folder of this service alone, in which sealed lists are kept as files and mapped. Left out: they are kept in memory.
    /// The database holds them in any case; a folder that is lost is filled again.
    pub folder: Option<PathBuf>,
    /// Which lists are taken in: `full` (the default), `municipalities` or `all`.
    pub lists: WhichLists,
}

/// `[presence]`.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PresenceSection {
    /// File of the authorities of cards: for each an `[[authority]]` with `key_id`, `modulus` and `exponent` in hex.
    pub card_authorities: PathBuf,
}

/// `[freshness]`.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FreshnessSection {
    /// For how many days an answer is remembered so that it can be corrected. Never longer than its certificate lives.
    pub answers_kept_days: u32,
}

/// `[secrets]`.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SecretsSection {
    /// File with at least 32 random bytes: the key of the pairwise ids.
    pub pairwise_secret_file: PathBuf,
    /// File with at least 32 random bytes: the platform's signing key is derived from it.
    pub signing_key_file: PathBuf,
}

/// `[console]`.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ConsoleSection {
    /// Its origin, on a host of its own: `https://console.example.jp`. Requests to that host, and no other, reach it.
    pub origin: String,
    /// File with the access code.
    pub access_code_file: Option<PathBuf>,
    /// Or the name of an environment variable that holds it.
    pub access_code_env: Option<String>,
}

/// `[metrics]`.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct MetricsSection {
    /// Address of the listener that serves `/metrics`, on this machine: `127.0.0.1:9464`.
    pub listen: SocketAddr,
    /// Lets other machines read them. Whoever reaches the listener reads how much each relying party is behind.
    #[serde(default)]
    pub other_machines_may_read: bool,
}

/// `[telemetry]`.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TelemetrySection {
    /// The collector's address for traces by OTLP over HTTP, `http://127.0.0.1:4318/v1/traces`. Needs a program that was
    /// built with the feature `otlp`.
    pub otlp_endpoint: String,
}

/// What is wrong with the configuration.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    /// A file cannot be read.
    #[error("cannot read {path}: {error}")]
    File {
        /// Which.
        path: PathBuf,
        /// Why.
        error: std::io::Error,
    },
    /// Not TOML, an unknown key, a missing key.
    #[error("{path}: {message}")]
    Form {
        /// Which file.
        path: PathBuf,
        /// What and where.
        message: String,
    },
    /// A value that cannot be used.
    #[error("{key}: {message}")]
    Value {
        /// Dotted name of the key.
        key: &'static str,
        /// What it must be.
        message: &'static str,
    },
    /// The roots cannot be used.
    #[error("trust: {0}")]
    Trust(String),
}

impl Config {
    /// Reads and checks a file.
    ///
    /// # Errors
    /// [`ConfigError`].
    pub fn read(path: &Path) -> Result<Self, ConfigError> {
        let text = read_text(path)?;
        let config: Self = toml::from_str(&text)
            .map_err(|e| ConfigError::Form { path: path.into(), message: e.message().to_owned() })?;
        config.check()?;
        Ok(config)
    }

    fn check(&self) -> Result<(), ConfigError> {
        for (key, origin) in [
            ("server.api_origin", &self.server.api_origin),
            ("server.portal_origin", &self.server.portal_origin),
            ("server.card_origin", &self.server.card_origin),
        ] {
            if !musubi_platform::relying_party::check_origin(origin) {
                return Err(ConfigError::Value { key, message: NO_ORIGIN });
            }
        }
        if host_of(&self.server.api_origin) == host_of(&self.server.portal_origin) {
            return Err(ConfigError::Value {
                key: "server.portal_origin",
                message: "must differ from server.api_origin in its host: a port alone does not tell them apart",
            });
        }
        self.check_console()?;
        self.check_measurement()?;
        self.card_origins()?;
        self.client_address_header()?;
        self.database_url()?;
        let folders = [&self.trust.digital_signature_roots, &self.trust.user_authentication_roots];
        match self.trust.mode {
            TrustMode::Production if folders.iter().any(|f| f.is_some()) => Err(ConfigError::Value {
                key: "trust",
                message: "production trusts the built-in roots only; remove the folders of test roots",
            }),
            TrustMode::TestHierarchyNeverInProduction if folders.iter().any(|f| f.is_none()) => {
                Err(ConfigError::Value {
                    key: "trust",
                    message: "a test hierarchy needs digital_signature_roots and user_authentication_roots",
                })
            }
            _ => Ok(()),
        }
    }

    fn check_console(&self) -> Result<(), ConfigError> {
        let Some(console) = &self.console else { return Ok(()) };
        if !musubi_platform::relying_party::check_origin(&console.origin) {
            return Err(ConfigError::Value { key: "console.origin", message: NO_ORIGIN });
        }
        let hosts = [&self.server.api_origin, &self.server.portal_origin].map(|origin| host_of(origin));
        if hosts.contains(&host_of(&console.origin)) {
            return Err(ConfigError::Value {
                key: "console.origin",
                message: "must differ from the hosts of API and portal: a port alone does not tell them apart",
            });
        }
        if console.access_code_file.is_some() == console.access_code_env.is_some() {
            return Err(ConfigError::Value {
                key: "console.access_code_file",
                message: "name either a file or, as access_code_env, an environment variable",
            });
        }
        Ok(())
    }

    fn check_measurement(&self) -> Result<(), ConfigError> {
        if let Some(metrics) = &self.metrics
            && !metrics.listen.ip().is_loopback()
            && !metrics.other_machines_may_read
        {
            return Err(ConfigError::Value {
                key: "metrics.listen",
                message: "must be an address of this machine alone, or say other_machines_may_read = true",
            });
        }
        if let Some(telemetry) = &self.telemetry {
            let endpoint = &telemetry.otlp_endpoint;
            let rest = endpoint.strip_prefix("https://").or_else(|| endpoint.strip_prefix("http://"));
            if rest.is_none_or(|rest| rest.is_empty() || !rest.bytes().all(|b| b.is_ascii_graphic())) {
                return Err(ConfigError::Value {
                    key: "telemetry.otlp_endpoint",
                    message: "must be the collector's address: http://127.0.0.1:4318/v1/traces",
                });
            }
            if cfg!(not(feature = "otlp")) {
                return Err(ConfigError::Value {
                    key: "telemetry",
                    message: "this program was built without the feature `otlp`: cargo build --release -p musubi-server --features otlp",
                });
            }
        }
        Ok(())
    }

    /// The console's access code; `None` if there is no console.
    ///
    /// # Errors
    /// [`ConfigError`] if it cannot be read or could be guessed.
    pub fn access_code(&self) -> Result<Option<AccessCode>, ConfigError> {
        let Some(console) = &self.console else { return Ok(None) };
        let key = "console.access_code_file";
        let text = match (&console.access_code_file, &console.access_code_env) {
            (Some(path), _) => read_text(path)?,
            (None, Some(name)) => std::env::var(name).map_err(|_| ConfigError::Value {
                key: "console.access_code_env",
                message: "names an environment variable that is not set",
            })?,
            (None, None) => String::new(),
        };
        let code = AccessCode::parse(&text).map_err(|_| ConfigError::Value {
            key,
            message: "an access code has 16 to 200 visible ASCII characters: openssl rand -base64 24 > FILE",
        });
        code.map(Some)
    }

    /// Where the portal finds residents' cards.
    ///
    /// # Errors
    /// [`ConfigError::Value`] if only one of the two keys of the program is there, or one has not its form.
    pub fn card_origins(&self) -> Result<CardOrigins, ConfigError> {
        let agent = match (&self.server.agent_origin, &self.server.agent_help) {
            (None, None) => None,
            (Some(origin), Some(help)) => {
                // The program answers to this host alone.
                let port =
                    origin.strip_prefix("http://127.0.0.1:").filter(|port| !port.starts_with(['0', '+']));
                if port.and_then(|port| port.parse::<u16>().ok()).is_none_or(|port| port == 80) {
                    return Err(ConfigError::Value {
                        key: "server.agent_origin",
                        message: "must be http://127.0.0.1:PORT, as musubi-agent says when it starts",
                    });
                }
                let rest = help.strip_prefix("https://").unwrap_or_default();
                if rest.is_empty() || rest.starts_with('/') || !rest.bytes().all(|b| b.is_ascii_graphic()) {
                    return Err(ConfigError::Value {
                        key: "server.agent_help",
                        message: "must be the address of a page: https://…",
                    });
                }
                Some(CardAgent { origin: origin.clone(), help: help.clone() })
            }
            (Some(_), None) | (None, Some(_)) => {
                return Err(ConfigError::Value {
                    key: "server.agent_origin",
                    message: "stands together with server.agent_help: residents must learn how to start the program",
                });
            }
        };
        Ok(CardOrigins { window: self.server.card_origin.clone(), agent })
    }

    /// The header in which the proxy names the client's address.
    ///
    /// # Errors
    /// [`ConfigError::Value`] if it is no header's name.
    pub fn client_address_header(&self) -> Result<Option<HeaderName>, ConfigError> {
        let wrong = |_| ConfigError::Value {
            key: "server.client_address_header",
            message: "must be the name of a header, such as x-forwarded-for",
        };
        self.server.client_address_header.as_deref().map(|name| name.parse().map_err(wrong)).transpose()
    }

    /// The database's address.
    ///
    /// # Errors
    /// [`ConfigError::Value`] unless exactly one of the two keys says it.
    pub fn database_url(&self) -> Result<String, ConfigError> {
        let wrong = |message| ConfigError::Value { key: "database", message };
        match (&self.database.url, &self.database.url_env) {
            (Some(url), None) => Ok(url.clone()),
            (None, Some(name)) => std::env::var(name)
                .map_err(|_| wrong("the environment variable that url_env names is not set")),
            _ => Err(wrong("needs exactly one of url and url_env")),
        }
    }

    /// The roots.
    ///
    /// # Errors
    /// [`ConfigError::Trust`] if a root cannot be used, [`ConfigError::File`] if it cannot be read.
    pub fn anchors(&self) -> Result<TrustAnchors, ConfigError> {
        match (self.trust.mode, &self.trust.digital_signature_roots, &self.trust.user_authentication_roots) {
            (TrustMode::TestHierarchyNeverInProduction, Some(signature), Some(authentication)) => {
                let mut roots = Vec::new();
                for (kind, folder) in [
                    (AuthorityKind::DigitalSignature, signature),
                    (AuthorityKind::UserAuthentication, authentication),
                ] {
                    roots.extend(read_folder(folder)?.into_iter().map(|der| (kind, der)));
                }
                TrustAnchors::insecure_test_hierarchy(roots).map_err(|e| ConfigError::Trust(e.to_string()))
            }
            _ => TrustAnchors::production().map_err(|e| ConfigError::Trust(e.to_string())),
        }
    }

    /// The authorities of cards; none if there is to be no use without PIN.
    ///
    /// # Errors
    /// [`ConfigError::File`] if their file cannot be read, [`ConfigError::Form`] if it has another form.
    pub fn card_authorities(&self) -> Result<CardAuthorities, ConfigError> {
        let Some(PresenceSection { card_authorities: path }) = &self.presence else {
            return Ok(CardAuthorities::default());
        };
        card_authorities::parse(&read_text(path)?)
            .map_err(|message| ConfigError::Form { path: path.clone(), message })
    }

    /// The key of the pairwise ids.
    ///
    /// # Errors
    /// [`ConfigError::Value`] if it has fewer than 32 bytes.
    pub fn pairwise_secret(&self) -> Result<Secret<Vec<u8>>, ConfigError> {
        random_bytes("secrets.pairwise_secret_file", &self.secrets.pairwise_secret_file)
    }

    /// The platform's signing key.
    ///
    /// # Errors
    /// [`ConfigError::Value`] if its file has fewer than 32 bytes.
    pub fn signing_key(&self) -> Result<Ed25519Signer, ConfigError> {
        let key = "secrets.signing_key_file";
        let secret = random_bytes(key, &self.secrets.signing_key_file)?;
        signing_key(&secret).ok_or(ConfigError::Value { key, message: "makes no key" })
    }

    /// What the operator's commands work with, over this database.
    ///
    /// # Errors
    /// [`ConfigError`] if a secret cannot be read.
    pub fn context(&self, db: Db) -> Result<Context, ConfigError> {
        Ok(Context {
            db,
            clock: Arc::new(SystemClock),
            random: Arc::new(SystemRandom),
            pairwise_secret: Arc::new(self.pairwise_secret()?),
            signing_key: Arc::new(self.signing_key()?),
            api_origin: self.server.api_origin.clone(),
            portal_origin: self.server.portal_origin.clone(),
        })
    }

    /// The upstream credential, without surrounding white space.
    ///
    /// # Errors
    /// [`ConfigError::File`] if it cannot be read.
    pub fn upstream_credential(&self) -> Result<Secret<String>, ConfigError> {
        read_text(&self.upstream.credential_file).map(|text| Secret::new(text.trim().to_owned()))
    }
}

const NO_ORIGIN: &str = "must be an origin: https://host[:port], or http:// with a name below localhost";

/// The signing key that a secret stands for.
#[must_use]
pub fn signing_key(secret: &Secret<Vec<u8>>) -> Option<Ed25519Signer> {
    Ed25519Signer::from_seed(&hmac_sha256(secret.expose(), &[b"musubi platform signing key 1"])).ok()
}

fn random_bytes(key: &'static str, path: &Path) -> Result<Secret<Vec<u8>>, ConfigError> {
    let bytes = std::fs::read(path).map_err(|error| ConfigError::File { path: path.into(), error })?;
    if bytes.len() < 32 {
        let message = "needs at least 32 random bytes: head -c 32 /dev/urandom > FILE";
        return Err(ConfigError::Value { key, message });
    }
    Ok(Secret::new(bytes))
}

/// The host of an origin, without scheme and port.
#[must_use]
pub fn host_of(origin: &str) -> &str {
    let authority = origin.split_once("://").map_or(origin, |(_, rest)| rest);
    authority.split_once(':').map_or(authority, |(host, _)| host)
}

fn read_text(path: &Path) -> Result<String, ConfigError> {
    std::fs::read_to_string(path).map_err(|error| ConfigError::File { path: path.into(), error })
}

fn read_folder(folder: &Path) -> Result<Vec<Vec<u8>>, ConfigError> {
    let failed = |error| ConfigError::File { path: folder.into(), error };
    let mut paths: Vec<PathBuf> =
        std::fs::read_dir(folder).map_err(failed)?.filter_map(|entry| entry.ok().map(|e| e.path())).collect();
    paths.retain(|path| path.is_file());
    paths.sort();
    paths
        .iter()
        .map(|path| std::fs::read(path).map_err(|error| ConfigError::File { path: path.clone(), error }))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const GOOD: &str = r#"
        [server]
        listen = "127.0.0.1:8443"
        api_origin = "https://api.musubi.example"
        portal_origin = "https://portal.musubi.example"
        card_origin = "https://card.musubi.example"
        [database]
        url = "postgres://musubi@db/musubi"
        [trust]
        mode = "production"
        [upstream]
        origin = "https://gateway.example"
        credential_file = "/run/secrets/upstream"
        [secrets]
        pairwise_secret_file = "/run/secrets/pairwise"
        signing_key_file = "/run/secrets/signing-key"
    "#;

    fn read(text: &str) -> Result<Config, String> {
        let config: Config = toml::from_str(text).map_err(|e| e.message().to_owned())?;
        config.check().map_err(|e| e.to_string())?;
        Ok(config)
    }

    #[test]
    fn a_complete_file_is_understood_and_production_trusts_the_built_in_roots() {
        let config = read(GOOD).unwrap();
        assert!(config.anchors().is_ok());
        assert_eq!(config.database_url().unwrap(), "postgres://musubi@db/musubi");
    }

    #[test]
    fn there_is_no_use_without_pin_unless_a_file_names_authorities_of_cards() {
        assert!(read(GOOD).unwrap().card_authorities().unwrap().is_empty());
        let with = GOOD.replace("[secrets]", "[presence]\ncard_authorities = \"/nowhere\"\n[secrets]");
        assert!(matches!(read(&with).unwrap().card_authorities(), Err(ConfigError::File { .. })));
        assert!(read(&GOOD.replace("[secrets]", "[presence]\n[secrets]")).is_err());
    }

    #[test]
    fn answers_can_be_corrected_for_as_long_as_the_file_says() {
        assert!(read(GOOD).unwrap().freshness.is_none());
        let with = GOOD.replace("[secrets]", "[freshness]\nanswers_kept_days = 400\n[secrets]");
        assert_eq!(read(&with).unwrap().freshness.map(|section| section.answers_kept_days), Some(400));
        assert!(read(&GOOD.replace("[secrets]", "[freshness]\nanswers_kept_days = -1\n[secrets]")).is_err());
    }

    #[test]
    fn the_reader_at_the_residents_computer_is_offered_with_words_on_how_or_not_at_all() {
        let with = |lines: &str| read(&GOOD.replace("[database]", &format!("{lines}\n[database]")));
        assert_eq!(read(GOOD).unwrap().card_origins().unwrap().agent, None);
        let (origin, help) = ("http://127.0.0.1:24817", "https://musubi.example/reader");
        let both =
            |origin: &str, help: &str| with(&format!("agent_origin = \"{origin}\"\nagent_help = \"{help}\""));
        let agent = both(origin, help).unwrap().card_origins().unwrap().agent.unwrap();
        assert_eq!((agent.origin.as_str(), agent.help.as_str()), (origin, help));
        assert!(with(&format!("agent_origin = \"{origin}\"")).is_err());
        assert!(with(&format!("agent_help = \"{help}\"")).is_err());
        for wrong in [
            "http://127.0.0.1",
            "http://127.0.0.1:80",
            "http://127.0.0.1:024817",
            "http://127.0.0.1:+24817",
            "http://127.0.0.1:24817/",
            "http://localhost:24817",
            "https://agent.example",
        ] {
            assert!(both(wrong, help).unwrap_err().contains("server.agent_origin"), "{wrong}");
        }
        for wrong in
            ["javascript:alert(1)", "http://musubi.example/", "https://", "https:///reader", "https://a b"]
        {
            assert!(both(origin, wrong).unwrap_err().contains("server.agent_help"), "{wrong}");
        }
    }

    #[test]
    fn the_console_has_a_host_and_one_code_of_its_own() {
        let with = |lines: &str| read(&format!("{GOOD}\n[console]\n{lines}"));
        let (own, file) =
            ("origin = \"https://console.musubi.example\"\n", "access_code_file = \"/nowhere\"\n");
        assert!(read(GOOD).unwrap().access_code().unwrap().is_none());
        let good = with(&format!("{own}{file}")).unwrap();
        assert!(matches!(good.access_code(), Err(ConfigError::File { .. })));
        let unset = with(&format!("{own}access_code_env = \"MUSUBI_NO_SUCH_VARIABLE\"\n")).unwrap();
        assert!(unset.access_code().is_err());
        for wrong in [
            own.to_owned(),
            file.to_owned(),
            format!("{own}{file}access_code_env = \"X\"\n"),
            format!("{own}access_code = \"in-the-file-itself\"\n"),
            format!("origin = \"https://api.musubi.example\"\n{file}"),
            format!("origin = \"https://portal.musubi.example:8443\"\n{file}"),
            format!("origin = \"http://console.musubi.example\"\n{file}"),
        ] {
            assert!(with(&wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn metrics_are_for_this_machine_unless_it_is_said_otherwise_and_fees_are_read() {
        let with = |lines: &str| read(&format!("{GOOD}\n{lines}"));
        assert!(with("[metrics]\nlisten = \"127.0.0.1:9464\"").is_ok());
        assert!(with("[metrics]\nlisten = \"[::1]:9464\"").is_ok());
        assert!(with("[metrics]\nlisten = \"0.0.0.0:9464\"").is_err());
        assert!(with("[metrics]\nlisten = \"0.0.0.0:9464\"\nother_machines_may_read = true").is_ok());
        assert_eq!(read(GOOD).unwrap().fees, FeeTable::default());
        let fees = with(
            "[fees]\nmonthly_base_yen = 5000\n[[fees.item]]\nname = \"delivery\"\noperator_yen = \"0.5\"",
        );
        assert_eq!(fees.unwrap().fees.monthly_base().whole_yen(), 5000);
        assert!(with("[fees]\n[[fees.item]]\nname = \"nothing\"").is_err());
        let collector = with("[telemetry]\notlp_endpoint = \"http://127.0.0.1:4318/v1/traces\"");
        assert_eq!(collector.is_ok(), cfg!(feature = "otlp"), "not silently without effect");
        assert!(with("[telemetry]\notlp_endpoint = \"127.0.0.1\"").is_err());
    }

    #[test]
    fn api_and_portal_differ_by_their_whole_hosts() {
        let config = read(&GOOD.replace("https://portal.musubi.example", "https://api.other.example:8443"));
        assert_eq!(host_of(&config.unwrap().server.portal_origin), "api.other.example");
    }

    #[test]
    fn unknown_keys_bad_origins_and_mixed_trust_are_refused() {
        for (from, to) in [
            ("[database]", "[database]\ncolour = \"red\""),
            ("https://api.musubi.example", "http://api.musubi.example"),
            ("[database]", "client_address_header = \"x forwarded\"\n[database]"),
            ("https://portal.musubi.example", "https://api.musubi.example"),
            ("https://portal.musubi.example", "https://api.musubi.example:8443"),
            ("mode = \"production\"", "mode = \"anything\""),
            ("mode = \"production\"", "mode = \"production\"\ndigital_signature_roots = \"/roots\""),
            ("mode = \"production\"", "mode = \"test_hierarchy_never_in_production\""),
            ("url = \"postgres://musubi@db/musubi\"", ""),
        ] {
            assert!(read(&GOOD.replace(from, to)).is_err(), "{to}");
        }
    }
}
