//! Opening the file: what is checked before SQLite is asked, and how connections are set up.

use std::io::ErrorKind;
use std::path::{Path, PathBuf};
use std::time::Duration;

use sqlx::sqlite::{SqliteConnectOptions, SqliteConnection, SqliteSynchronous};
use sqlx::{ConnectOptions, Row};

use super::error::Fault;
use super::lock_owner::Holder;
use crate::store::{DatabaseUrl, StoreError, Synchronous};

/// How long SQLite itself waits for a lock before it says that it is busy. The writer then asks
/// again; readers hardly ever wait in WAL mode.
const BUSY_TIMEOUT: Duration = Duration::from_secs(5);

/// The same for the writer, which asks again by itself and wants to know in between how long it
/// has waited already.
pub(in crate::store::sqlite) const WRITER_BUSY_TIMEOUT: Duration = Duration::from_secs(1);

/// How long opening waits for others who are just setting up the same file.
const OPENING: Duration = Duration::from_secs(20);

/// Rows per message from the connection's thread; its default of 50 makes it wait for us.
const ROW_BUFFER: usize = 2_000;

/// How the connections to one store are made.
#[derive(Clone, Debug)]
pub(in crate::store::sqlite) struct Opener {
    options: SqliteConnectOptions,
    /// `None` for a database in memory.
    file: Option<PathBuf>,
}

/// Statements are told at the level of trace, for those who look for a slow one.
fn traced(options: SqliteConnectOptions) -> SqliteConnectOptions {
    // Spares a dependency for one name: the level's type is that of another crate.
    match "trace".parse() {
        Ok(level) => options
            .log_statements(level)
            .log_slow_statements(level, Duration::MAX),
        Err(_) => options.disable_statement_logging(),
    }
}

impl Opener {
    /// Refuses what can be refused by looking at the path.
    pub(in crate::store::sqlite) fn new(url: &DatabaseUrl) -> Result<Self, StoreError> {
        let base = SqliteConnectOptions::new()
            .busy_timeout(BUSY_TIMEOUT)
            .foreign_keys(false)
            .row_buffer_size(ROW_BUFFER)
            .pragma("temp_store", "memory")
            .pragma("cache_size", "-65536");
        let base = traced(base);
        let options = match url {
            DatabaseUrl::SqliteMemory => base.in_memory(true),
            DatabaseUrl::Postgres(url) => {
                return Err(StoreError::Unavailable {
                    location: url.to_string(),
                    reason: "it is no SQLite database: open it by `jobs_runtime::store::open`"
                        .to_owned(),
                });
            }
            DatabaseUrl::Sqlite { path, synchronous } => {
                check_path(path).map_err(|reason| StoreError::Unavailable {
                    location: url.to_string(),
                    reason,
                })?;
                base.filename(path)
                    .create_if_missing(true)
                    .synchronous(match synchronous {
                        Synchronous::Full => SqliteSynchronous::Full,
                        Synchronous::Normal => SqliteSynchronous::Normal,
                    })
                    .pragma("journal_size_limit", "67108864")
                    .pragma("wal_autocheckpoint", "4000")
            }
        };
        Ok(Self {
            options,
            file: match url {
                DatabaseUrl::Sqlite { path, .. } => Some(path.clone()),
                _ => None,
            },
        })
    }

    /// Whether others may have the same database open.
    pub(in crate::store::sqlite) fn is_shared(&self) -> bool {
        self.file.is_some()
    }

    /// Where to look up who holds the lock to write.
    pub(in crate::store::sqlite) fn holder(&self) -> Option<Holder> {
        self.file.as_deref().map(Holder::of)
    }

    /// The connection that writes, with its temporary tables, in WAL mode.
    pub(in crate::store::sqlite) async fn writer(&self) -> Result<SqliteConnection, Fault> {
        self.try_writer().await.map_err(|fault| {
            let file = self.file.as_deref().filter(|_| fault.is_unwritable());
            match file.and_then(check_directory) {
                Some(reason) => Fault::Unusable(reason),
                None => fault,
            }
        })
    }

    async fn try_writer(&self) -> Result<SqliteConnection, Fault> {
        let options = self.options.clone().busy_timeout(WRITER_BUSY_TIMEOUT);
        let mut connection = options.connect().await?;
        if self.is_shared() {
            enter_wal(&mut connection).await?;
        }
        sqlx::raw_sql(include_str!("../sql/conn/temp_tables.sql"))
            .execute(&mut connection)
            .await?;
        Ok(connection)
    }

    /// Options of the connections that read; `None` if there can be only one connection.
    ///
    /// They open the file for writing, because a reader may have to set up the shared memory of
    /// the WAL, but refuse every statement that would write.
    pub(in crate::store::sqlite) fn readers(&self) -> Option<SqliteConnectOptions> {
        // The writer has made the file: one that is gone by now is not made again by a late look.
        let options = self.options.clone().create_if_missing(false);
        self.is_shared().then(|| options.pragma("query_only", "on"))
    }
}

/// Switches the file to WAL. The switch needs the file for itself and does not wait for others
/// who are about to do the same, so it is asked for again.
async fn enter_wal(connection: &mut SqliteConnection) -> Result<(), Fault> {
    let started = crate::clock::real_now();
    loop {
        let switched = sqlx::query("PRAGMA journal_mode = WAL")
            .fetch_one(&mut *connection)
            .await
            .map_err(Fault::from);
        match switched {
            Ok(row) => {
                let mode: String = row.try_get(0)?;
                if mode.eq_ignore_ascii_case("wal") {
                    return Ok(());
                }
                return Err(Fault::Unusable(format!(
                    "its file system does not support WAL (it stays in {mode} mode): keep the \
                     file on a local disk"
                )));
            }
            Err(fault) if fault.is_busy() && started.elapsed() < OPENING => {
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
            Err(fault) => return Err(fault),
        }
    }
}

/// Why nothing can be written beside the file, where SQLite keeps its log. The file itself is never
/// opened for that: closing it would drop the locks of every connection of this process to it.
fn check_directory(file: &Path) -> Option<String> {
    let parent = file.parent().filter(|parent| *parent != Path::new(""));
    let directory = parent.unwrap_or(Path::new("."));
    let probe = directory.join(format!(".jobs-probe-{}", std::process::id()));
    let error = match std::fs::File::create_new(&probe) {
        Ok(_) => {
            // One that stays is empty and in nobody's way.
            let _ = std::fs::remove_file(probe);
            return None;
        }
        Err(error) => error,
    };
    let directory = directory.display();
    Some(match error.kind() {
        ErrorKind::ReadOnlyFilesystem => format!(
            "the file system of {directory} is read-only: mount it writable, or keep the file \
             elsewhere"
        ),
        _ => format!("the directory {directory} cannot be written to: {error}"),
    })
}

/// What SQLite would only call "unable to open database file".
fn check_path(path: &Path) -> Result<(), String> {
    let directory = path.parent().filter(|parent| *parent != Path::new(""));
    if let Some(directory) = directory
        && !directory.is_dir()
    {
        let directory = directory.display();
        return Err(format!(
            "the directory {directory} does not exist: create it with `mkdir -p {directory}`"
        ));
    }
    match std::fs::metadata(path) {
        Ok(found) if found.is_dir() => Err("it is a directory: name a file in it".to_owned()),
        Ok(found) if found.permissions().readonly() => Err(format!(
            "the file is read-only: make it writable with `chmod u+w {}`",
            path.display()
        )),
        _ => Ok(()),
    }
}
