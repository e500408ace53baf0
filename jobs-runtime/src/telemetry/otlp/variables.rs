//! The `OTEL_*` variables that say which signals are exported.
//!
//! The SDK and the exporters read the others: headers, timeouts, compression, queues, intervals,
//! the sampler, and the resource.

use std::env;

/// A kind of telemetry.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Signal {
    Traces,
    Logs,
    Metrics,
}

impl Signal {
    pub(super) const ALL: [Self; 3] = [Self::Traces, Self::Logs, Self::Metrics];

    pub(super) fn as_str(self) -> &'static str {
        match self {
            Self::Traces => "traces",
            Self::Logs => "logs",
            Self::Metrics => "metrics",
        }
    }

    /// The value of a variable of this signal: `OTEL_EXPORTER_OTLP_TRACES_PROTOCOL`, or without
    /// it the one of all signals, `OTEL_EXPORTER_OTLP_PROTOCOL`.
    pub(super) fn option(self, name: &str) -> Option<String> {
        let of_signal = self.as_str().to_uppercase();
        let own = value(&format!("OTEL_EXPORTER_OTLP_{of_signal}_{name}"));
        own.or_else(|| value(&format!("OTEL_EXPORTER_OTLP_{name}")))
    }

    /// True if an endpoint is named, or the exporter, and the exporter is not `none`.
    fn is_on(self) -> bool {
        match value(&format!("OTEL_{}_EXPORTER", self.as_str().to_uppercase())) {
            Some(exporter) => exporter.split(',').any(|one| one.trim() == "otlp"),
            None => self.option("ENDPOINT").is_some(),
        }
    }
}

/// The signals that are exported.
pub(super) fn signals() -> Vec<Signal> {
    if value("OTEL_SDK_DISABLED").is_some_and(|value| value.eq_ignore_ascii_case("true")) {
        return Vec::new();
    }
    let on = Signal::ALL.into_iter().filter(|signal| signal.is_on());
    on.collect()
}

/// True if a variable names the service.
pub(super) fn names_service() -> bool {
    let attributes = value("OTEL_RESOURCE_ATTRIBUTES");
    let is_among = attributes.is_some_and(|all| all.contains("service.name="));
    is_among || value("OTEL_SERVICE_NAME").is_some()
}

/// A variable that is set. An empty one counts as not set, as the specification says.
fn value(name: &str) -> Option<String> {
    env::var(name).ok().filter(|value| !value.trim().is_empty())
}
