//! The sources of settings: the file `jobs.toml` and the variables `JOBS_*`, as texts.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::fmt;
use std::io::ErrorKind;
use std::path::PathBuf;

use jobs_grammar::suggestion::did_you_mean;

use super::KEYS;
use crate::cli::failure::Failure;

/// The settings file in the working directory.
pub(super) const FILE: &str = "jobs.toml";

/// The beginning of the variables.
const PREFIX: &str = "JOBS_";

/// Variables that are no settings of the store or the worker.
const OTHER_VARIABLES: [&str; 1] = ["JOBS_LOG"];

/// The source of a setting.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::cli) enum Origin {
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

/// The name of a setting's variable.
pub(super) fn variable_of(key: &str) -> String {
    format!("{PREFIX}{}", key.to_uppercase())
}

/// The variables of the process that set something.
#[derive(Debug, Default)]
pub(super) struct Variables {
    /// The values by name.
    pub(super) values: BTreeMap<String, String>,
    /// A sentence for each variable that looks like a setting and is none.
    pub(super) notes: Vec<String>,
}

/// Reads the variables. A value that is no text is an error: its setting must not fall back to the
/// default.
pub(super) fn read_variables(
    all: impl IntoIterator<Item = (OsString, OsString)>,
) -> Result<Variables, Failure> {
    let names: Vec<String> = KEYS.into_iter().map(variable_of).collect();
    let known = || names.iter().map(String::as_str).chain(OTHER_VARIABLES);
    let mut variables = Variables::default();
    for (name, value) in all {
        let name = name.to_string_lossy().into_owned();
        if !name.starts_with(PREFIX) {
            continue;
        }
        if !known().any(|it| it == name) {
            let meant = did_you_mean(&name, known());
            variables
                .notes
                .push(format!("the variable {name} sets nothing{meant}"));
            continue;
        }
        let Ok(value) = value.into_string() else {
            return Err(Failure::usage(format!("the value of {name} is not UTF-8")));
        };
        variables.values.insert(name, value);
    }
    Ok(variables)
}

/// Reads the file, if it exists.
pub(super) fn read_file() -> Result<Option<String>, Failure> {
    match std::fs::read_to_string(FILE) {
        Ok(text) => Ok(Some(text)),
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
        Err(error) => Err(Failure::usage(format!("cannot read {FILE}: {error}"))),
    }
}

/// The values of the file as texts. Lists are joined by commas.
pub(super) fn parse_file(text: &str) -> Result<BTreeMap<String, String>, Failure> {
    let table: toml::Table = text.parse().map_err(|error| unreadable(text, &error))?;
    let mut values = BTreeMap::new();
    for (key, value) in table {
        if !KEYS.contains(&key.as_str()) {
            let meant = did_you_mean(&key, KEYS);
            let known = KEYS.join(", ");
            return Err(Failure::usage(format!(
                "{FILE}: unknown key `{key}`{meant} The keys are {known}"
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
                "{FILE}: `{key}` must be a string, an integer, a boolean or a list of these"
            )));
        };
        values.insert(key, value);
    }
    Ok(values)
}

/// The failure of a file that is not TOML. The parser's own text quotes the line, which may hold a
/// password.
fn unreadable(text: &str, error: &toml::de::Error) -> Failure {
    let before = error.span().and_then(|span| text.get(..span.start));
    let place = before.map_or_else(String::new, |before| {
        let line = before.matches('\n').count() + 1;
        let column = before.chars().rev().take_while(|c| *c != '\n').count() + 1;
        format!(", line {line}, column {column}")
    });
    Failure::usage(format!("{FILE}{place}: {}", error.message()))
}

fn scalar(value: &toml::Value) -> Option<String> {
    match value {
        toml::Value::String(text) => Some(text.clone()),
        toml::Value::Integer(number) => Some(number.to_string()),
        toml::Value::Boolean(on) => Some(on.to_string()),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::ffi::OsStringExt;

    use super::*;

    fn variables(name: &str, value: &[u8]) -> Result<Variables, Failure> {
        read_variables([(name.into(), OsString::from_vec(value.to_vec()))])
    }

    #[test]
    fn a_broken_file_is_located_and_not_quoted() {
        for text in [
            "bind = 'x'\ndatabase = 'postgres://u:secret@h/db",
            "database = postgres://u:secret@h/db",
            "database = 'postgres://u:secret@h/db'\ndatabase = 'secret'",
        ] {
            let error = parse_file(text).expect_err(text).to_string();
            assert!(error.starts_with("jobs.toml, line "), "{error}");
            assert!(!error.contains("secret"), "{error}");
        }
    }

    #[test]
    fn unknown_variables_are_noted_and_others_must_be_text() {
        let note = variables("JOBS_LESE", b"1m").expect("a note").notes;
        let expected = "the variable JOBS_LESE sets nothing, did you mean `JOBS_LEASE`?";
        assert_eq!(note, [expected]);
        assert!(
            variables("JOBS_LEASE", b"1m")
                .expect("known")
                .notes
                .is_empty()
        );
        assert!(
            variables("JOBS_LOG", b"info")
                .expect("known")
                .notes
                .is_empty()
        );
        let error = variables("JOBS_DATABASE", b"sqlite:\xff").expect_err("no text");
        assert_eq!(error.to_string(), "the value of JOBS_DATABASE is not UTF-8");
        assert!(
            variables("OTHER", b"\xff")
                .expect("ignored")
                .values
                .is_empty()
        );
    }
}
