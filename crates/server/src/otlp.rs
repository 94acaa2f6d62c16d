//! Spans to an OpenTelemetry collector by OTLP over HTTP (protobuf). Only with the feature `otlp`.
//!
//! A span has a name and the fields that its place gives it: routes, methods, statuses, list numbers, counts. No personal
//! data, since none of the places has any; the test in `tests/it/otlp.rs` looks.

use opentelemetry::trace::TracerProvider as _;
use opentelemetry_otlp::{ExporterBuildError, Protocol, SpanExporter, WithExportConfig as _};
use opentelemetry_sdk::Resource;
use opentelemetry_sdk::trace::{SdkTracerProvider, Tracer};
use tracing_opentelemetry::OpenTelemetryLayer;
use tracing_subscriber::registry::LookupSpan;

/// The layer that sends the spans of this process to `endpoint`, and what must be shut down at its end so that the last
/// ones are sent.
///
/// # Errors
/// [`ExporterBuildError`] if the endpoint cannot be used.
pub fn layer<S>(
    endpoint: &str,
) -> Result<(OpenTelemetryLayer<S, Tracer>, SdkTracerProvider), ExporterBuildError>
where
    S: tracing::Subscriber + for<'span> LookupSpan<'span>,
{
    let exporter = SpanExporter::builder()
        .with_http()
        .with_protocol(Protocol::HttpBinary)
        .with_endpoint(endpoint)
        .build()?;
    let provider = SdkTracerProvider::builder()
        .with_batch_exporter(exporter)
        .with_resource(Resource::builder_empty().with_attribute(service()).build())
        .build();
    let layer = tracing_opentelemetry::layer()
        .with_tracer(provider.tracer("musubi"))
        // Where in the source a span stands, and which thread ran it, are of no use to operators.
        .with_location(false)
        .with_threads(false);
    Ok((layer, provider))
}

fn service() -> opentelemetry::KeyValue {
    opentelemetry::KeyValue::new("service.name", "musubi")
}
