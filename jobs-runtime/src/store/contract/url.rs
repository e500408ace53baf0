//! Parses and displays the URLs of stores.
//!
//! This module imports nothing of the crate, and must never import a store.

mod postgres;

use std::fmt;
use std::path::PathBuf;
use std::str::FromStr;

pub use postgres::PostgresUrl;

/// The URL of a store: `sqlite:jobs.db`, `sqlite::memory:`, `postgres://user@host/database`.
///
/// A SQLite URL has one option, [`synchronous`](Synchronous): with `?synchronous=normal` a power
/// cut can lose the last commits, and commits are faster. The default, `full`, keeps every
/// acknowledged write. [`PostgresUrl`] lists the options of a PostgreSQL URL.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum DatabaseUrl {
    /// A SQLite file, opened by the process itself.
    Sqlite {
        /// The path, relative to the working directory.
        path: PathBuf,
        /// The durability of a commit.
        synchronous: Synchronous,
    },
    /// A SQLite database in memory. It ends with the process.
    SqliteMemory,
    /// A schema on a PostgreSQL server. Needs the feature `postgres`.
    Postgres(PostgresUrl),
}

/// The durability of a commit on SQLite.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Synchronous {
    /// A commit waits for the disk: an acknowledged write survives a power cut.
    #[default]
    Full,
    /// A commit waits for the operating system: an acknowledged write survives a crash of the
    /// process, not of the machine.
    Normal,
}

impl fmt::Display for Synchronous {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Full => "full",
            Self::Normal => "normal",
        })
    }
}

/// The text is not the URL of a store.
#[derive(Debug, thiserror::Error)]
#[error("{url} names no store: {reason}")]
pub struct ParseDatabaseUrlError {
    url: String,
    reason: String,
}

impl FromStr for DatabaseUrl {
    type Err = ParseDatabaseUrlError;

    fn from_str(url: &str) -> Result<Self, Self::Err> {
        let reject = |reason: &str| ParseDatabaseUrlError {
            url: quoted(url),
            reason: reason.to_owned(),
        };
        if PostgresUrl::has_scheme(url) {
            let postgres = PostgresUrl::parse(url).map_err(|reason| reject(&reason))?;
            return Ok(Self::Postgres(postgres));
        }
        let Some(rest) = url.strip_prefix("sqlite:") else {
            return Err(reject(
                "write sqlite:FILE, sqlite::memory: or postgres://USER@HOST/DATABASE",
            ));
        };
        let rest = rest.strip_prefix("//").unwrap_or(rest);
        let (path, query) = rest.split_once('?').unwrap_or((rest, ""));
        let mut synchronous = Synchronous::default();
        for option in query.split('&').filter(|option| !option.is_empty()) {
            synchronous = match option {
                "synchronous=full" => Synchronous::Full,
                "synchronous=normal" => Synchronous::Normal,
                _ => return Err(reject("the one option is ?synchronous=full or =normal")),
            };
        }
        match path {
            "" => Err(reject("the file's name is missing")),
            ":memory:" => Ok(Self::SqliteMemory),
            path => Ok(Self::Sqlite {
                path: path.into(),
                synchronous,
            }),
        }
    }
}

/// Quotes the URL of a store without its password. Nothing is known about the parts of another
/// text, which may be a list such as `host=… password=…`: its scheme is all that is shown.
fn quoted(url: &str) -> String {
    if PostgresUrl::has_scheme(url) || url.starts_with("sqlite:") {
        return format!("`{}`", without_password(url));
    }
    let is_scheme = |scheme: &str| scheme.chars().all(|c| c.is_ascii_alphanumeric());
    match url.split_once("://") {
        Some((scheme, _)) if is_scheme(scheme) => format!("`{scheme}://…`"),
        _ => "this text".to_owned(),
    }
}

/// The options of a URL whose values may be shown.
const SHOWN_OPTIONS: [&str; 9] = [
    "application_name",
    "dbname",
    "host",
    "hostaddr",
    "pgbouncer",
    "port",
    "schema",
    "sslmode",
    "synchronous",
];

/// Hides the password of a URL, because errors end up in logs: the text between the user and the
/// last `@`, and the values of all options but some that hold no secret.
pub(crate) fn without_password(url: &str) -> String {
    let (address, query) = match url.split_once('?') {
        // The `?` is an unescaped character of the password.
        Some((address, query)) if query.split('=').next().is_some_and(|it| it.contains('@')) => {
            return without_password(&format!("{address}{}", query.replace('?', "")));
        }
        Some((address, query)) => (address, Some(query)),
        None => (url, None),
    };
    let start = address.find("://").map_or(0, |scheme| scheme + 3);
    let hidden = match address[start..].rsplit_once('@') {
        Some((user, rest)) => match user.split_once(':') {
            Some((name, _)) => format!("{}{name}:…@{rest}", &address[..start]),
            None => address.to_owned(),
        },
        None => address.to_owned(),
    };
    let Some(query) = query else { return hidden };
    let shown = query.split('&').map(|option| match option.split_once('=') {
        Some((key, _)) if !SHOWN_OPTIONS.contains(&key) => format!("{key}=…"),
        _ => option.to_owned(),
    });
    format!("{hidden}?{}", shown.collect::<Vec<_>>().join("&"))
}

impl fmt::Display for DatabaseUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Sqlite { path, .. } => write!(f, "sqlite:{}", path.display()),
            Self::SqliteMemory => f.write_str("sqlite::memory:"),
            Self::Postgres(url) => url.fmt(f),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(url: &str, expected: Result<DatabaseUrl, &str>) {
        let parsed = url
            .parse::<DatabaseUrl>()
            .map_err(|error| error.to_string());
        match expected {
            Ok(expected) => assert_eq!(parsed, Ok(expected)),
            Err(part) => assert!(
                parsed.as_ref().is_err_and(|e| e.contains(part)),
                "{parsed:?}"
            ),
        }
    }

    #[test]
    fn urls() {
        let file = |synchronous| DatabaseUrl::Sqlite {
            path: "jobs.db".into(),
            synchronous,
        };
        check("sqlite:jobs.db", Ok(file(Synchronous::Full)));
        check("sqlite://jobs.db", Ok(file(Synchronous::Full)));
        check(
            "sqlite:jobs.db?synchronous=normal",
            Ok(file(Synchronous::Normal)),
        );
        check("sqlite::memory:", Ok(DatabaseUrl::SqliteMemory));
        check("sqlite:", Err("name is missing"));
        check("sqlite:jobs.db?mode=ro", Err("one option"));
        check("mysql://u:secret@h/db", Err("`mysql://…` names no store"));
        check("host=h password=secret", Err("this text names no store"));
        check("sqlite:jobs.db?key=secret", Err("`sqlite:jobs.db?key=…`"));
    }

    #[test]
    fn passwords_are_hidden() {
        for (url, shown) in [
            ("postgres://u:pw@h:5432/db", "postgres://u:…@h:5432/db"),
            ("postgres://u:p@w:x@h/db", "postgres://u:…@h/db"),
            ("postgres://u@h/db", "postgres://u@h/db"),
            (
                "postgres://u@h/db?password=pw&schema=s&listen=postgres://u:pw@h/db",
                "postgres://u@h/db?password=…&schema=s&listen=…",
            ),
            ("postgres://u:p?w@h/db", "postgres://u:…@h/db"),
            ("postgres://u:p@q?w@h/db", "postgres://u:…@h/db"),
            ("sqlite:a:b.db", "sqlite:a:b.db"),
        ] {
            assert_eq!(without_password(url), shown);
        }
    }
}
