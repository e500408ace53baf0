//! The settings of the program, merged from `jobs.toml`, `JOBS_*` variables and flags.

use std::fmt;
use std::net::{SocketAddr, ToSocketAddrs};
use std::path::PathBuf;
use std::time::Duration;

use serde::Serialize;

use super::args::GlobalArgs;
use super::failure::Failure;
use super::list_settings;
use crate::store::{DatabaseUrl, without_password};
use crate::{DEFAULT_DATABASE, EngineConfig, RuntimeBuilder};

/// The settings file in the working directory.
const FILE: &str = "jobs.toml";

/// The keys of all settings in the file. A variable is named `JOBS_` and the key in capitals.
const KEYS: [&str; 12] = [
    "database",
    "bind",
    "concurrency",
    "blocking_concurrency",
    "queues",
    "job_concurrency",
    "ageing",
    "limits",
    "labels",
    "lease",
    "grace",
    "drain",
];

/// The source of a setting.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Origin {
    Default,
    File(PathBuf),
    Variable(String),
    Flag(&'static str),
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Default => f.write_str("default"),
            Self::File(path) => path.display().fmt(f),
            Self::Variable(name) => f.write_str(name),
            Self::Flag(name) => f.write_str(name),
        }
    }
}

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
    pub(super) engine: EngineConfig,
    pub(super) entries: Vec<Entry>,
}

impl Settings {
    /// Reads and merges the three sources.
    pub(super) fn load(flags: &GlobalArgs) -> Result<Self, Failure> {
        let file = match std::fs::read_to_string(FILE) {
            Ok(text) => Some(text),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => None,
            Err(error) => return Err(Failure::usage(format!("cannot read {FILE}: {error}"))),
        };
        let variable = |name: &str| std::env::var(name).ok();
        Self::from_sources(file.as_deref(), variable, flags)
    }

    /// Merges the sources and validates the values. Flags override variables, which override the
    /// file. An error names the source of its value.
    fn from_sources(
        file: Option<&str>,
        variable: impl Fn(&str) -> Option<String>,
        flags: &GlobalArgs,
    ) -> Result<Self, Failure> {
        let file = file.map(parse_file).transpose()?.unwrap_or_default();
        let defaults = EngineConfig::default();
        let merge = |key: &'static str| {
            let flag = match key {
                "database" => flags.database.clone().map(|value| ("--database", value)),
                "bind" => flags.bind.clone().map(|value| ("--bind", value)),
                "concurrency" => flags
                    .concurrency
                    .clone()
                    .map(|value| ("--concurrency", value)),
                _ => None,
            };
            let name = format!("JOBS_{}", key.to_uppercase());
            let (value, origin) = if let Some((flag, value)) = flag {
                (value, Origin::Flag(flag))
            } else if let Some(value) = variable(&name) {
                (value, Origin::Variable(name))
            } else if let Some(value) = file.get(key).cloned() {
                (value, Origin::File(FILE.into()))
            } else {
                (default_value(key, &defaults), Origin::Default)
            };
            Entry { key, value, origin }
        };
        let entries: Vec<Entry> = KEYS.into_iter().map(merge).collect();

        let [
            database,
            bind,
            concurrency,
            blocking,
            queues,
            jobs,
            ageing,
            limits,
            labels,
            lease,
            grace,
            drain,
        ] = std::array::from_fn(|index| &entries[index]);
        database.check(str::parse::<DatabaseUrl>)?;
        let selection = queues.check(|text| list_settings::parse_queues(text.split(',')))?;
        let engine = EngineConfig {
            concurrency: concurrency.check(parse_positive)?,
            blocking_concurrency: blocking.check(parse_positive)?,
            queues: selection.names,
            queue_concurrency: selection.concurrency,
            job_concurrency: jobs.check(list_settings::parse_job_caps)?,
            ageing: ageing.check(list_settings::parse_ageing)?,
            limits: limits.check(list_settings::parse_limits)?,
            labels: labels.check(|text| list_settings::parse_labels(text.split(',')))?,
            lease: lease.check(parse_lease)?,
            grace: grace.check(parse_duration)?,
            drain: drain.check(parse_duration)?,
            ..defaults
        };
        let database = database.value.clone();
        let bind = bind.check(parse_address)?;
        // `config` must not show a password.
        let mut entries = entries;
        if let Some(shown) = entries.iter_mut().find(|entry| entry.key == "database") {
            shown.value = without_password(&shown.value);
        }
        Ok(Self {
            database,
            bind,
            engine,
            entries,
        })
    }

    /// Replaces the queues, unless the list is empty.
    pub(super) fn with_queues(mut self, queues: &[String]) -> Result<Self, Failure> {
        if !queues.is_empty() {
            let queues = list_settings::parse_queues(queues.iter().map(String::as_str))
                .map_err(|reason| Failure::usage(format!("--queues: {reason}")))?;
            self.engine.queues = queues.names;
            self.engine.queue_concurrency = queues.concurrency;
        }
        Ok(self)
    }

    /// Replaces the labels, unless the list is empty.
    pub(super) fn with_labels(mut self, labels: &[String]) -> Result<Self, Failure> {
        if !labels.is_empty() {
            self.engine.labels = list_settings::parse_labels(labels.iter().map(String::as_str))
                .map_err(|reason| Failure::usage(format!("--label: {reason}")))?;
        }
        Ok(self)
    }

    /// A runtime builder with these settings. The command decides about the worker and HTTP.
    pub(super) fn builder(&self) -> RuntimeBuilder {
        RuntimeBuilder::default()
            .database(&self.database)
            .engine(self.engine.clone())
    }
}

impl Entry {
    /// Parses the value. An error names the setting and its source.
    fn check<T, E: fmt::Display>(
        &self,
        parse: impl FnOnce(&str) -> Result<T, E>,
    ) -> Result<T, Failure> {
        parse(&self.value).map_err(|reason| {
            Failure::usage(format!("{} (from {}): {reason}", self.key, self.origin))
        })
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
        _ => String::new(),
    }
}

/// The values of the file as texts. Lists are joined by commas.
fn parse_file(text: &str) -> Result<std::collections::BTreeMap<String, String>, Failure> {
    let table: toml::Table = text
        .parse()
        .map_err(|error| Failure::usage(format!("{FILE}: {error}")))?;
    let mut values = std::collections::BTreeMap::new();
    for (key, value) in table {
        if !KEYS.contains(&key.as_str()) {
            let known = KEYS.join(", ");
            return Err(Failure::usage(format!(
                "{FILE}: unknown key `{key}`: use one of {known}"
            )));
        }
        let value = match &value {
            toml::Value::Array(items) => {
                let texts: Option<Vec<_>> = items.iter().map(scalar).collect();
                texts.map(|texts| texts.join(","))
            }
            single => scalar(single),
        };
        let Some(value) = value else {
            return Err(Failure::usage(format!(
                "{FILE}: `{key}` must be a string, an integer or a list of these"
            )));
        };
        values.insert(key, value);
    }
    Ok(values)
}

fn scalar(value: &toml::Value) -> Option<String> {
    match value {
        toml::Value::String(text) => Some(text.clone()),
        toml::Value::Integer(number) => Some(number.to_string()),
        _ => None,
    }
}

fn parse_positive(text: &str) -> Result<usize, String> {
    match text.parse() {
        Ok(0) | Err(_) => Err(format!(
            "`{text}` is not valid: give a whole number, 1 or more"
        )),
        Ok(number) => Ok(number),
    }
}

fn parse_address(text: &str) -> Result<SocketAddr, String> {
    text.to_socket_addrs()
        .ok()
        .and_then(|mut addresses| addresses.next())
        .ok_or_else(|| format!("`{text}` is not an address: write HOST:PORT, as in 127.0.0.1:8091"))
}

/// Parses the lease. A worker renews it at every third of its duration, so a shorter one would end
/// between two renewals.
fn parse_lease(text: &str) -> Result<Duration, String> {
    let lease = parse_duration(text)?;
    if lease < Duration::from_millis(100) {
        Err(format!(
            "`{text}` is too short for a lease: give 100ms or more"
        ))
    } else {
        Ok(lease)
    }
}

/// Parses a duration that is not zero: `30s`, `5m`, `1h`.
pub(super) fn parse_duration(text: &str) -> Result<Duration, String> {
    let duration = jobs_grammar::duration::parse(text)?;
    if duration.is_zero() {
        Err(format!("`{text}` is no time at all: write 30s, 5m or 1h"))
    } else {
        Ok(duration)
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
        let variable = |name: &str| {
            let found = variables.iter().find(|(key, _)| *key == name);
            found.map(|(_, value)| (*value).to_owned())
        };
        Settings::from_sources(Some(file), variable, flags).map_err(|failure| failure.to_string())
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
}
