//! Which store a program talks to.

use std::fmt;
use std::path::PathBuf;
use std::str::FromStr;

/// A store by its URL: `sqlite:jobs.db`, `sqlite::memory:`.
///
/// `?synchronous=normal` on a SQLite URL trades the last commits before a power cut for speed; the
/// default, `full`, keeps every acknowledged enqueue.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum DatabaseUrl {
    /// A file, embedded in the process.
    Sqlite {
        /// Relative to the working directory.
        path: PathBuf,
        /// What a commit waits for.
        synchronous: Synchronous,
    },
    /// A database that ends with the process.
    SqliteMemory,
}

/// What a commit of SQLite waits for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Synchronous {
    /// For the disk: an acknowledged write survives a power cut.
    #[default]
    Full,
    /// For the operating system: it survives a crash of the process, not of the machine.
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

/// A text that names no store.
#[derive(Debug, thiserror::Error)]
#[error("`{url}` names no store: {reason}")]
pub struct ParseDatabaseUrlError {
    url: String,
    reason: String,
}

impl FromStr for DatabaseUrl {
    type Err = ParseDatabaseUrlError;

    fn from_str(url: &str) -> Result<Self, Self::Err> {
        let refuse = |reason: &str| ParseDatabaseUrlError {
            url: without_password(url),
            reason: reason.to_owned(),
        };
        let Some(rest) = url.strip_prefix("sqlite:") else {
            return Err(refuse("write sqlite:FILE or sqlite::memory:"));
        };
        let rest = rest.strip_prefix("//").unwrap_or(rest);
        let (path, query) = rest.split_once('?').unwrap_or((rest, ""));
        let mut synchronous = Synchronous::default();
        for option in query.split('&').filter(|option| !option.is_empty()) {
            synchronous = match option {
                "synchronous=full" => Synchronous::Full,
                "synchronous=normal" => Synchronous::Normal,
                _ => return Err(refuse("the one option is ?synchronous=full or =normal")),
            };
        }
        match path {
            "" => Err(refuse("the file's name is missing")),
            ":memory:" => Ok(Self::SqliteMemory),
            path => Ok(Self::Sqlite {
                path: path.into(),
                synchronous,
            }),
        }
    }
}

/// Hides what stands between `:` and `@`, because errors end up in logs.
fn without_password(url: &str) -> String {
    let Some((before, after)) = url.rsplit_once('@') else {
        return url.to_owned();
    };
    match before.rfind(':') {
        Some(colon) if !before[colon..].starts_with("://") => {
            format!("{}:…@{after}", &before[..colon])
        }
        _ => url.to_owned(),
    }
}

impl fmt::Display for DatabaseUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Sqlite { path, .. } => write!(f, "sqlite:{}", path.display()),
            Self::SqliteMemory => f.write_str("sqlite::memory:"),
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
        check("mysql://u:secret@h/db", Err("mysql://u:…@h/db"));
    }
}
