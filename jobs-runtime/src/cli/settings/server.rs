//! The settings of a server: `--server`, `--token`, and the contexts of the user's configuration.
//!
//! A context is a table of `~/.config/jobs/config.toml`:
//!
//! ```toml
//! [context.production]
//! server = "https://jobs.example.com"
//! token_file = "production.token"
//! production = true
//! ```

use std::collections::BTreeMap;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use jobs_grammar::suggestion::did_you_mean;
use serde::Deserialize;

use super::{Entries, Entry, Origin};
use crate::cli::failure::Failure;
use crate::cli::remote::ServerAddress;

/// What stands for a token where settings are shown.
const HIDDEN: &str = "•••";

/// A server that commands speak to.
#[derive(Clone, PartialEq, Eq)]
pub(in crate::cli) struct ServerSettings {
    pub(in crate::cli) address: ServerAddress,
    pub(in crate::cli) token: Option<String>,
    /// The setting that names the server, for messages: `--server`, `JOBS_CONTEXT`.
    pub(in crate::cli) named_by: String,
    /// The name of a context with `production = true`.
    pub(in crate::cli) production: Option<String>,
}

// Without the token.
impl std::fmt::Debug for ServerSettings {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("ServerSettings")
            .field("address", &self.address)
            .field("named_by", &self.named_by)
            .field("production", &self.production)
            .finish_non_exhaustive()
    }
}

/// The user's configuration, as a file that need not exist.
#[derive(Clone, Debug, Default)]
pub(super) struct UserConfig {
    path: Option<PathBuf>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    #[serde(default)]
    context: BTreeMap<String, Context>,
}

#[derive(Clone, Deserialize)]
#[serde(deny_unknown_fields)]
struct Context {
    server: String,
    token_file: Option<PathBuf>,
    #[serde(default)]
    production: bool,
}

impl UserConfig {
    /// The file of this user: `$XDG_CONFIG_HOME/jobs/config.toml`, or below `~/.config`.
    pub(super) fn of_user() -> Self {
        let variable = |name| std::env::var_os(name).filter(|value| !value.is_empty());
        let base = variable("XDG_CONFIG_HOME").map(PathBuf::from);
        let base = base.or_else(|| Some(Path::new(&variable("HOME")?).join(".config")));
        Self {
            path: base.map(|base| base.join("jobs").join("config.toml")),
        }
    }

    fn context(&self, name: &str) -> Result<Context, Failure> {
        let Some(path) = &self.path else {
            return Err(Failure::usage(format!(
                "there is no context `{name}`: neither XDG_CONFIG_HOME nor HOME names the \
                 directory of the user's configuration"
            )));
        };
        let shown = path.display();
        let text = match std::fs::read_to_string(path) {
            Ok(text) => text,
            Err(error) if error.kind() == ErrorKind::NotFound => {
                return Err(Failure::usage(format!(
                    "there is no context `{name}`: the file {shown} does not exist. Write into \
                     it:\n[context.{name}]\nserver = \"https://jobs.example.com\""
                )));
            }
            Err(error) => return Err(Failure::usage(format!("cannot read {shown}: {error}"))),
        };
        let file: File = toml::from_str(&text)
            .map_err(|error| Failure::usage(format!("{shown}: {}", error.message())))?;
        let found = file.context.get(name).cloned();
        found.ok_or_else(|| {
            let meant = did_you_mean(name, file.context.keys().map(String::as_str));
            Failure::usage(format!("{shown} has no context `{name}`{meant}"))
        })
    }

    /// The file of a token. A relative path begins at the configuration, `~/` at the user's home.
    fn token_path(&self, file: &Path) -> PathBuf {
        if let (Ok(rest), Some(home)) = (file.strip_prefix("~"), std::env::var_os("HOME")) {
            return Path::new(&home).join(rest);
        }
        let directory = self.path.as_deref().and_then(Path::parent);
        directory.map_or_else(|| file.to_owned(), |directory| directory.join(file))
    }
}

/// Reads the server of the settings; `None` if the store is used. `config` then shows no token.
///
/// `database`, `server` and `context` exclude each other; the one from the stronger source is used.
pub(super) fn read(
    entries: &mut Entries,
    user: &UserConfig,
) -> Result<Option<ServerSettings>, Failure> {
    let given = |key: &str| {
        let entry = entries.0.iter().find(|entry| entry.key == key);
        entry.filter(|entry| !entry.value.is_empty() && entry.origin != Origin::Default)
    };
    let mut named: Vec<_> = ["database", "server", "context"]
        .into_iter()
        .filter_map(given)
        .collect();
    named.sort_by_key(|entry| std::cmp::Reverse(strength(&entry.origin)));
    if let [first, second, ..] = named[..]
        && strength(&first.origin) == strength(&second.origin)
    {
        return Err(Failure::usage(format!(
            "`{}` and `{}` exclude each other (from {} and {}): give one of them",
            first.key, second.key, first.origin, second.origin
        )));
    }
    let server = match named.first() {
        Some(entry) if entry.key == "server" => {
            let address = entries.read("server", str::parse::<ServerAddress>)?;
            Some(ServerSettings {
                address,
                token: token(entries, strength(&entry.origin))?,
                named_by: name_of(&entry.origin, "server"),
                production: None,
            })
        }
        Some(entry) if entry.key == "context" => {
            let name = &entry.value;
            let context = user.context(name)?;
            let address = context.server.parse::<ServerAddress>().map_err(|reason| {
                Failure::usage(format!("the server of the context `{name}`: {reason}"))
            })?;
            let has_flag = |key| given(key).is_some_and(is_flag);
            let token = match &context.token_file {
                Some(file) if !has_flag("token") && !has_flag("token_file") => {
                    Some(read_token(&user.token_path(file))?)
                }
                _ => token(entries, strength(&entry.origin))?,
            };
            Some(ServerSettings {
                address,
                token,
                named_by: name_of(&entry.origin, "context"),
                production: context.production.then(|| name.clone()),
            })
        }
        _ => None,
    };
    for entry in entries.0.iter_mut().filter(|entry| entry.key == "token") {
        if !entry.value.is_empty() {
            entry.value = HIDDEN.to_owned();
        }
    }
    Ok(server)
}

/// The token of the settings for a server. A token of a weaker source than the variables belongs
/// to the server of that source, and to no other.
fn token(entries: &Entries, server: u8) -> Result<Option<String>, Failure> {
    let given = |key: &str, least: u8| {
        let entry = entries.0.iter().find(|entry| entry.key == key);
        entry.filter(|entry| !entry.value.is_empty() && strength(&entry.origin) >= least)
    };
    let variable = strength(&Origin::Variable(String::new()));
    let token = given("token", server.min(variable));
    let file = given("token_file", server);
    match (token, file) {
        (Some(token), file) if is_flag(token) || !file.is_some_and(is_flag) => {
            Ok(Some(token.value.clone()))
        }
        (_, Some(file)) => Ok(Some(read_token(Path::new(&file.value))?)),
        (_, None) => Ok(None),
    }
}

fn is_flag(entry: &Entry) -> bool {
    matches!(entry.origin, Origin::Flag(_))
}

fn read_token(path: &Path) -> Result<String, Failure> {
    let text = std::fs::read_to_string(path);
    let text = text.map_err(|error| {
        Failure::usage(format!(
            "cannot read the token file {}: {error}",
            path.display()
        ))
    })?;
    Ok(text.trim().to_owned())
}

/// A stronger source overrides a weaker one.
fn strength(origin: &Origin) -> u8 {
    match origin {
        Origin::Default => 0,
        Origin::File(_) => 1,
        Origin::Variable(_) => 2,
        Origin::Flag(_) => 3,
    }
}

fn name_of(origin: &Origin, key: &str) -> String {
    match origin {
        Origin::File(path) => format!("`{key}` in {}", path.display()),
        origin => origin.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entry(key: &'static str, value: &str, origin: Origin) -> Entry {
        Entry {
            key,
            value: value.to_owned(),
            origin,
        }
    }

    #[test]
    fn flags_go_before_the_token_file_of_a_context() {
        let directory = tempfile::tempdir().expect("a directory");
        let write = |name: &str, text: &str| {
            let path = directory.path().join(name);
            std::fs::write(&path, text).expect("a file");
            path
        };
        let context = "[context.staging]\nserver = 'http://localhost:1'\ntoken_file = 'own'";
        let user = UserConfig {
            path: Some(write("config.toml", context)),
        };
        write("own", "of the context\n");
        let other = write("other", "of the flag\n");
        let other = other.to_str().expect("a text");
        let file = || entry("token_file", other, Origin::Flag("--token-file"));
        let variable = || {
            entry(
                "token",
                "variable",
                Origin::Variable("JOBS_TOKEN".to_owned()),
            )
        };
        let flag = || entry("token", "flag", Origin::Flag("--token"));
        for (given, expected) in [
            (vec![], "of the context"),
            (vec![variable()], "of the context"),
            (vec![file()], "of the flag"),
            (vec![file(), variable()], "of the flag"),
            (vec![file(), flag()], "flag"),
        ] {
            let context = entry("context", "staging", Origin::Flag("--context"));
            let mut entries = Entries([vec![context], given].concat());
            let server = read(&mut entries, &user).expect("a server");
            let token = server.and_then(|server| server.token);
            assert_eq!(token.as_deref(), Some(expected));
        }
    }
}
