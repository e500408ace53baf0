//! The settings of the program, merged from `jobs.toml`, `JOBS_*` variables and flags.
//!
//! [`sources`] reads the texts, [`values`] and [`lists`] parse them. Every setting has a range, and
//! an error names the setting, its source and its range.
//!
//! The folder may import the types of settings of the runtime, the stores and the broker. It must
//! not import a command, and it opens no store.

mod broker;
pub(super) mod lists;
mod sources;
pub(super) mod values;

use std::collections::BTreeMap;
use std::fmt;
use std::net::SocketAddr;
use std::time::Duration;

use serde::Serialize;

use super::args::GlobalArgs;
use super::failure::Failure;
use crate::http::HttpConfig;
use crate::store::{DatabaseUrl, without_password};
use crate::{DEFAULT_DATABASE, EngineConfig, RetentionSettings, RuntimeBuilder};
pub(super) use sources::Origin;
use sources::{FILE, variable_of};
pub(super) use values::LogFormat;
use values::{
    ATTEMPTS, AUDIT_RETAIN, BLOCKING_ATTEMPTS, CONNECTIONS, DRAIN, GRACE, HEADER_TIMEOUT, LEASE,
    SIGN_IN_FOR, STORE_WAIT, parse_address, parse_hue, parse_log_format, parse_name, parse_number,
    parse_switch, parse_trace_link,
};

/// The keys of all settings in the file. A variable is named `JOBS_` and the key in capitals.
const KEYS: [&str; 33] = [
    "database",
    "bind",
    "token_file",
    "trusted_network",
    "hosts",
    "cors_origins",
    "sign_in_for",
    "header_timeout",
    "max_connections",
    "max_connections_per_address",
    "broker",
    "broker_password_file",
    "broker_prefix",
    "broker_prefetch",
    "concurrency",
    "blocking_concurrency",
    "queues",
    "job_concurrency",
    "ageing",
    "limits",
    "retain",
    "audit_retain",
    "archive",
    "labels",
    "lease",
    "grace",
    "drain",
    "store_wait",
    "log_attempts",
    "instance",
    "instance_hue",
    "trace_link",
    "log_format",
];

/// A setting with its source, as `config` shows it.
#[derive(Clone, Debug, Serialize)]
pub(super) struct Entry {
    pub(super) key: &'static str,
    pub(super) value: String,
    #[serde(serialize_with = "as_text")]
    pub(super) origin: Origin,
}

fn as_text<S: serde::Serializer>(origin: &Origin, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_str(origin)
}

/// The validated settings of this process.
#[derive(Clone, Debug)]
pub(super) struct Settings {
    pub(super) database: String,
    pub(super) bind: SocketAddr,
    pub(super) http: HttpConfig,
    /// The broker of `run`, `work` and `serve`; `None` without one.
    #[cfg(feature = "rabbitmq")]
    pub(super) broker: Option<crate::BrokerConfig>,
    pub(super) engine: EngineConfig,
    pub(super) retention: RetentionSettings,
    /// The directory of the archive; `None` without one.
    #[cfg(feature = "archive")]
    pub(super) archive: Option<std::path::PathBuf>,
    /// The time for which the start of a worker or a server waits for its store.
    pub(super) store_wait: Duration,
    pub(super) log_format: LogFormat,
    /// The export that the `OTEL_*` variables ask for; off until the program has started it.
    #[cfg(feature = "otlp")]
    pub(super) telemetry: crate::Telemetry,
    pub(super) entries: Vec<Entry>,
    /// Sentences about variables that look like settings and are none.
    pub(super) notes: Vec<String>,
}

impl Settings {
    /// Reads and merges the three sources.
    pub(super) fn load(flags: &GlobalArgs) -> Result<Self, Failure> {
        let file = sources::read_file()?;
        let variables = sources::read_variables(std::env::vars_os())?;
        let settings = Self::from_sources(file.as_deref(), &variables.values, flags)?;
        Ok(Self {
            notes: variables.notes,
            ..settings
        })
    }

    /// Merges the sources and validates the values. Flags override variables, which override the
    /// file. An error names the source of its value.
    fn from_sources(
        file: Option<&str>,
        variables: &BTreeMap<String, String>,
        flags: &GlobalArgs,
    ) -> Result<Self, Failure> {
        let file = file
            .map(sources::parse_file)
            .transpose()?
            .unwrap_or_default();
        let defaults = EngineConfig::default();
        let merge = |key: &'static str| {
            let flag = match key {
                "database" => flags.database.clone().map(|value| ("--database", value)),
                "broker" => flags.broker.clone().map(|value| ("--broker", value)),
                "bind" => flags.bind.clone().map(|value| ("--bind", value)),
                "concurrency" => flags
                    .concurrency
                    .clone()
                    .map(|value| ("--concurrency", value)),
                "token_file" => flags
                    .token_file
                    .clone()
                    .map(|value| ("--token-file", value)),
                "trusted_network" => flags
                    .trusted_network
                    .then(|| ("--trusted-network", "true".to_owned())),
                "log_format" => flags
                    .log_format
                    .clone()
                    .map(|value| ("--log-format", value)),
                "archive" => flags.archive.clone().map(|value| ("--archive", value)),
                "retain" => flags.retain.clone().map(|value| ("--retain", value)),
                _ => None,
            };
            let name = variable_of(key);
            let (value, origin) = if let Some((flag, value)) = flag {
                (value, Origin::Flag(flag))
            } else if let Some(value) = variables.get(&name) {
                (value.clone(), Origin::Variable(name))
            } else if let Some(value) = file.get(key).cloned() {
                (value, Origin::File(FILE.into()))
            } else {
                (default_value(key, &defaults), Origin::Default)
            };
            Entry { key, value, origin }
        };
        let mut entries = Entries(KEYS.into_iter().map(merge).collect());

        entries.read("database", str::parse::<DatabaseUrl>)?;
        let selection = entries.read("queues", |text| lists::parse_queues(text.split(',')))?;
        let engine = EngineConfig {
            concurrency: entries.read("concurrency", |text| parse_number(text, &ATTEMPTS))?,
            blocking_concurrency: entries.read("blocking_concurrency", |text| {
                parse_number(text, &BLOCKING_ATTEMPTS)
            })?,
            queues: selection.names,
            queue_concurrency: selection.concurrency,
            job_concurrency: entries.read("job_concurrency", lists::parse_job_caps)?,
            ageing: entries.read("ageing", lists::parse_ageing)?,
            limits: entries.read("limits", lists::parse_limits)?,
            labels: entries.read("labels", |text| lists::parse_labels(text.split(',')))?,
            lease: entries.read("lease", |text| LEASE.parse(text))?,
            grace: entries.read("grace", |text| GRACE.parse(text))?,
            drain: entries.read("drain", |text| DRAIN.parse(text))?,
            log_attempts: entries.read("log_attempts", parse_switch)?,
            ..defaults
        };
        let mut retention = entries.read("retain", lists::parse_retention)?;
        retention.audit = entries.read("audit_retain", |text| AUDIT_RETAIN.parse(text))?;
        #[cfg(feature = "archive")]
        let archive = entries.read("archive", values::parse_archive)?;
        #[cfg(not(feature = "archive"))]
        entries.read("archive", values::reject_archive)?;
        let store_wait = entries.read("store_wait", |text| STORE_WAIT.parse(text))?;
        let bind = entries.read("bind", parse_address)?;
        let mut http = HttpConfig {
            token_file: entries.read("token_file", |text| {
                Ok::<_, String>((!text.is_empty()).then(|| text.into()))
            })?,
            trusted_network: entries.read("trusted_network", parse_switch)?,
            hosts: entries.read("hosts", lists::parse_hosts)?,
            cors_origins: entries.read("cors_origins", lists::parse_origins)?,
            sign_in_for: entries.read("sign_in_for", |text| SIGN_IN_FOR.parse(text))?,
            header_timeout: entries.read("header_timeout", |text| HEADER_TIMEOUT.parse(text))?,
            max_connections: entries
                .read("max_connections", |text| parse_number(text, &CONNECTIONS))?,
            max_connections_per_address: entries.read("max_connections_per_address", |text| {
                parse_number(text, &CONNECTIONS)
            })?,
            ..HttpConfig::default()
        };
        http.dashboard.instance = entries.read("instance", parse_name)?;
        http.dashboard.hue = entries.read("instance_hue", parse_hue)?;
        http.dashboard.trace_link = entries.read("trace_link", parse_trace_link)?;
        #[cfg(feature = "rabbitmq")]
        let broker = broker::read(&mut entries)?;
        #[cfg(not(feature = "rabbitmq"))]
        broker::reject(&entries)?;
        let log_format = entries.read("log_format", parse_log_format)?;
        let mut database = String::new();
        for entry in entries.0.iter_mut().filter(|entry| entry.key == "database") {
            // `config` must not show a password.
            let shown = without_password(&entry.value);
            database = std::mem::replace(&mut entry.value, shown);
        }
        Ok(Self {
            database,
            bind,
            http,
            #[cfg(feature = "rabbitmq")]
            broker,
            engine,
            retention,
            #[cfg(feature = "archive")]
            archive,
            store_wait,
            log_format,
            #[cfg(feature = "otlp")]
            telemetry: crate::Telemetry::default(),
            entries: entries.0,
            notes: Vec::new(),
        })
    }

    /// Replaces the queues, unless the list is empty.
    pub(super) fn with_queues(mut self, queues: &[String]) -> Result<Self, Failure> {
        if !queues.is_empty() {
            let queues = lists::parse_queues(queues.iter().map(String::as_str))
                .map_err(|reason| Failure::usage(format!("--queues: {reason}")))?;
            self.engine.queues = queues.names;
            self.engine.queue_concurrency = queues.concurrency;
        }
        Ok(self)
    }

    /// Replaces the labels, unless the list is empty.
    pub(super) fn with_labels(mut self, labels: &[String]) -> Result<Self, Failure> {
        if !labels.is_empty() {
            self.engine.labels = lists::parse_labels(labels.iter().map(String::as_str))
                .map_err(|reason| Failure::usage(format!("--label: {reason}")))?;
        }
        Ok(self)
    }

    /// A runtime builder with these settings. The command decides about the worker and HTTP.
    pub(super) fn builder(&self) -> RuntimeBuilder {
        let builder = RuntimeBuilder::default()
            .database(&self.database)
            .engine(self.engine.clone())
            .retention(self.retention.clone())
            .http(self.http.clone());
        #[cfg(feature = "archive")]
        let builder = match &self.archive {
            Some(directory) => builder.archive_directory(directory),
            None => builder,
        };
        #[cfg(feature = "otlp")]
        let builder = builder.telemetry(&self.telemetry);
        builder
    }
}

/// The settings before they are parsed.
struct Entries(Vec<Entry>);

impl Entries {
    /// Parses the value of a setting. An error names the setting and its source.
    fn read<T, E: fmt::Display>(
        &self,
        key: &str,
        parse: impl FnOnce(&str) -> Result<T, E>,
    ) -> Result<T, Failure> {
        let Some(entry) = self.0.iter().find(|entry| entry.key == key) else {
            return Err(Failure::usage(format!("there is no setting `{key}`")));
        };
        let invalid = |reason: &dyn fmt::Display| {
            Failure::usage(format!("{} (from {}): {reason}", entry.key, entry.origin))
        };
        // A line break at the end, as in the contents of a file, would become part of the value.
        if entry.value.contains(char::is_control) {
            return Err(invalid(
                &"the value contains a line break or another control character: remove it",
            ));
        }
        parse(&entry.value).map_err(|reason| invalid(&reason))
    }
}

#[cfg(feature = "rabbitmq")]
impl Entries {
    /// Replaces the text that `config` shows for a setting.
    fn show(&mut self, key: &str, shown: String) {
        let entry = self.0.iter_mut().find(|entry| entry.key == key);
        if let Some(entry) = entry {
            entry.value = shown;
        }
    }
}

fn default_value(key: &str, engine: &EngineConfig) -> String {
    match key {
        "database" => DEFAULT_DATABASE.to_owned(),
        "bind" => "127.0.0.1:8091".to_owned(),
        "concurrency" => engine.concurrency.to_string(),
        "blocking_concurrency" => engine.blocking_concurrency.to_string(),
        "lease" => format!("{}s", engine.lease.as_secs()),
        "grace" => format!("{}s", engine.grace.as_secs()),
        "drain" => format!("{}s", engine.drain.as_secs()),
        "retain" => "30d,failed:90d".to_owned(),
        "audit_retain" => "365d".to_owned(),
        "broker_prefetch" => "100".to_owned(),
        "store_wait" => "1m".to_owned(),
        "trusted_network" => "false".to_owned(),
        "sign_in_for" => "12h".to_owned(),
        "header_timeout" => "30s".to_owned(),
        "max_connections" => "4096".to_owned(),
        "max_connections_per_address" => "256".to_owned(),
        "log_attempts" => engine.log_attempts.to_string(),
        "log_format" => "text".to_owned(),
        _ => String::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn load(
        file: &str,
        variables: &[(&str, &str)],
        flags: &GlobalArgs,
    ) -> Result<Settings, String> {
        let variables = variables.iter().map(|(key, value)| {
            let [key, value] = [key, value].map(|text| (*text).to_owned());
            (key, value)
        });
        Settings::from_sources(Some(file), &variables.collect(), flags)
            .map_err(|failure| failure.to_string())
    }

    #[test]
    fn flags_override_variables_which_override_the_file() {
        let flags = GlobalArgs {
            concurrency: Some("3".to_owned()),
            ..GlobalArgs::default()
        };
        let file = "concurrency = 1\nlease = '1m'\nqueues = ['mail', 'default']";
        let variables = [("JOBS_CONCURRENCY", "2"), ("JOBS_DRAIN", "5s")];
        let settings = load(file, &variables, &flags).expect("all valid");
        assert_eq!(settings.engine.concurrency, 3);
        assert_eq!(settings.engine.lease, Duration::from_secs(60));
        assert_eq!(settings.engine.drain, Duration::from_secs(5));
        assert_eq!(settings.engine.queues, ["mail", "default"]);
        let origin = |key| {
            let entry = settings.entries.iter().find(|entry| entry.key == key);
            entry
                .map(|entry| entry.origin.to_string())
                .unwrap_or_default()
        };
        assert_eq!(origin("concurrency"), "--concurrency");
        assert_eq!(origin("lease"), "jobs.toml");
        assert_eq!(origin("drain"), "JOBS_DRAIN");
        assert_eq!(origin("grace"), "default");
    }

    #[test]
    fn errors_name_the_source_of_the_value() {
        let none = GlobalArgs::default();
        let unknown = load("databse = 'x'", &[], &none).expect_err("unknown key");
        assert!(
            unknown.contains("`databse`") && unknown.contains("database"),
            "{unknown}"
        );
        let zero = load("", &[("JOBS_CONCURRENCY", "0")], &none).expect_err("zero");
        assert!(
            zero.starts_with("concurrency (from JOBS_CONCURRENCY)"),
            "{zero}"
        );
        let queue =
            load("queues = 'mail:none'", &[], &none).expect_err("a slot cap that is no number");
        assert!(queue.starts_with("queues (from jobs.toml)"), "{queue}");
    }

    #[test]
    fn values_with_line_breaks_are_rejected() {
        let none = GlobalArgs::default();
        let variables = [("JOBS_DATABASE", "postgres://u:secret@h/db\n")];
        let error = load("", &variables, &none).expect_err("a line break");
        assert!(
            error.starts_with("database (from JOBS_DATABASE): the value contains a line break")
        );
        assert!(!error.contains("secret"), "{error}");
    }
}
