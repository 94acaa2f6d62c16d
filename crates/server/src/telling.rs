//! Where this process tells what it does: its log on the standard error, and with the feature `otlp` its spans to a
//! collector.

use std::path::Path;

use tracing_subscriber::EnvFilter;
use tracing_subscriber::layer::SubscriberExt as _;
use tracing_subscriber::util::SubscriberInitExt as _;

use crate::cli::Failure;

/// To be ended when everything else has.
#[must_use]
pub(crate) struct Telling {
    #[cfg(feature = "otlp")]
    spans: Option<opentelemetry_sdk::trace::SdkTracerProvider>,
}

impl Telling {
    /// Sends what is still to be sent.
    pub(crate) fn end(self) {
        #[cfg(feature = "otlp")]
        if let Some(Err(error)) = self.spans.map(|spans| spans.shutdown()) {
            tracing::warn!(%error, "the last spans were not sent");
        }
    }
}

fn filter() -> EnvFilter {
    EnvFilter::try_from_env("MUSUBI_LOG").unwrap_or_else(|_| "info".into())
}

/// Starts the log, and the spans if `configuration` names a collector. A configuration that cannot be read is told of by
/// who reads it next.
#[cfg_attr(not(feature = "otlp"), allow(clippy::unnecessary_wraps, reason = "it fails with the feature"))]
pub(crate) fn start(configuration: Option<&Path>) -> Result<Telling, Failure> {
    let log = tracing_subscriber::fmt::layer().with_writer(std::io::stderr);
    let all = tracing_subscriber::registry().with(filter()).with(log);
    #[cfg(feature = "otlp")]
    {
        let telemetry = configuration
            .and_then(|path| crate::config::Config::read(path).ok())
            .and_then(|config| config.telemetry);
        let Some(telemetry) = telemetry else {
            all.init();
            return Ok(Telling { spans: None });
        };
        let (layer, spans) = crate::otlp::layer(&telemetry.otlp_endpoint)?;
        all.with(layer).init();
        Ok(Telling { spans: Some(spans) })
    }
    #[cfg(not(feature = "otlp"))]
    {
        let _ = configuration;
        all.init();
        Ok(Telling {})
    }
}
