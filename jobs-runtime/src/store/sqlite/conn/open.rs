//! Opening a database: checks of the path, and the options of the connections.

use std::io::ErrorKind;
use std::path::{Path, PathBuf};
use std::time::Duration;

use sqlx::sqlite::{SqliteConnectOptions, SqliteConnection, SqliteSynchronous};
use sqlx::{ConnectOptions, Row};

use super::error::DbError;
use super::file_identity::FileIdentity;
use super::lock_owner::LockOwner;
use super::session_locks::SessionLocks;
use crate::store::{DatabaseUrl, StoreError, Synchronous};

/// Time for which SQLite waits for a lock before it returns `SQLITE_BUSY`. A reader in WAL mode
/// waits only while another connection recovers or resets the log.
const BUSY_TIMEOUT: Duration = Duration::from_secs(5);

/// The same for the writer. It is shorter, because the writer repeats the statement and checks the
/// time that it has waited after each attempt.
pub(in crate::store::sqlite) const WRITER_BUSY_TIMEOUT: Duration = Duration::from_secs(1);

/// Time for which opening waits for other processes that switch the same file to WAL mode.
const WAL_SWITCH_TIMEOUT: Duration = Duration::from_secs(20);

/// Rows that the connection's thread sends before it waits for the receiver. The default of 50
/// makes it wait often.
const ROW_BUFFER: usize = 2_000;

/// Opens the connections of one store.
#[derive(Clone, Debug)]
pub(in crate::store::sqlite) struct Opener {
    options: SqliteConnectOptions,
    /// `None` for a database in memory.
    file: Option<PathBuf>,
}

/// Logs every statement at the level `trace`.
fn traced(options: SqliteConnectOptions) -> SqliteConnectOptions {
    // The level's type comes from the crate `log`. Parsing it spares that dependency.
    match "trace".parse() {
        Ok(level) => options
            .log_statements(level)
            .log_slow_statements(level, Duration::MAX),
        Err(_) => options.disable_statement_logging(),
    }
}

impl Opener {
    /// Checks the path, and prepares the options. Opens nothing.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`] if the path cannot be that of a database.
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
                    reason: "it is not a SQLite database: open it with `jobs_runtime::store::open`"
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

    /// True if other connections can open the same database: it is a file.
    pub(in crate::store::sqlite) fn is_shared(&self) -> bool {
        self.file.is_some()
    }

    /// The lookup for the owner of the write lock; `None` for a database in memory.
    pub(in crate::store::sqlite) fn lock_owner(&self) -> Option<LockOwner> {
        self.file.as_deref().map(LockOwner::of)
    }

    /// The identity of the file, which exists; `None` for a database in memory.
    pub(in crate::store::sqlite) fn file_identity(&self) -> Option<FileIdentity> {
        self.file.as_deref().map(FileIdentity::of)
    }

    /// The locks of sessions beside the file; `None` for a database in memory.
    pub(in crate::store::sqlite) fn session_locks(&self) -> Option<SessionLocks> {
        self.file.as_deref().map(SessionLocks::beside)
    }

    /// Opens the connection that writes: in WAL mode, with its temporary table.
    pub(in crate::store::sqlite) async fn writer(&self) -> Result<SqliteConnection, DbError> {
        self.try_writer().await.map_err(|error| {
            let file = self.file.as_deref().filter(|_| error.is_unwritable());
            match file.and_then(check_directory) {
                Some(reason) => DbError::Unusable(reason),
                None => error,
            }
        })
    }

    async fn try_writer(&self) -> Result<SqliteConnection, DbError> {
        let options = self.options.clone().busy_timeout(WRITER_BUSY_TIMEOUT);
        if let Some(file) = &self.file {
            create_private(file);
        }
        let mut connection = options.connect().await?;
        if self.is_shared() {
            enter_wal(&mut connection).await?;
        }
        sqlx::raw_sql(include_str!("../sql/conn/temp_tables.sql"))
            .execute(&mut connection)
            .await?;
        Ok(connection)
    }

    /// The options of the connections that read; `None` for a database in memory, which has only
    /// the writer's connection.
    ///
    /// A reader opens the file for writing, because it may have to create the shared memory of the
    /// WAL. `query_only` makes SQLite reject every statement that would write.
    pub(in crate::store::sqlite) fn readers(&self) -> Option<SqliteConnectOptions> {
        // The writer has created the file. A reader must not create it again after its removal.
        let options = self.options.clone().create_if_missing(false);
        self.is_shared().then(|| options.pragma("query_only", "on"))
    }
}

/// Creates the file for its owner alone, if it is missing. SQLite gives its other files the same
/// permissions. It reports what prevents the creation.
fn create_private(file: &Path) {
    let mut options = std::fs::OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let _ = options.open(file);
}

/// Switches the file to WAL mode. The switch needs an exclusive lock and does not wait for it, so
/// this repeats the statement while another process does the same.
async fn enter_wal(connection: &mut SqliteConnection) -> Result<(), DbError> {
    let started = crate::clock::real_now();
    loop {
        let switched = sqlx::query("PRAGMA journal_mode = WAL")
            .fetch_one(&mut *connection)
            .await
            .map_err(DbError::from);
        match switched {
            Ok(row) => {
                let mode: String = row.try_get(0)?;
                if mode.eq_ignore_ascii_case("wal") {
                    return Ok(());
                }
                return Err(DbError::Unusable(format!(
                    "its file system does not support WAL (it stays in {mode} mode): keep the \
                     file on a local disk"
                )));
            }
            Err(error) if error.is_busy() && started.elapsed() < WAL_SWITCH_TIMEOUT => {
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
            Err(error) => return Err(error),
        }
    }
}

/// Tests whether a file can be created in the database's directory, where SQLite keeps the WAL.
/// Returns the reason if not. The database file itself is never opened for the test: closing it
/// would drop the POSIX locks of every connection of this process.
fn check_directory(file: &Path) -> Option<String> {
    let parent = file.parent().filter(|parent| *parent != Path::new(""));
    let directory = parent.unwrap_or(Path::new("."));
    let probe = directory.join(format!(".jobs-probe-{}", std::process::id()));
    let error = match std::fs::File::create_new(&probe) {
        Ok(_) => {
            // A file that cannot be removed is empty and does no harm.
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

/// Finds the causes that SQLite reports only as "unable to open database file".
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
        Ok(found) if !found.is_file() => Err(
            "it is a device, a pipe or a socket, which cannot hold a database: name a file"
                .to_owned(),
        ),
        Ok(found) if found.permissions().readonly() => Err(format!(
            "the file is read-only: make it writable with `chmod u+w {}`",
            path.display()
        )),
        _ => Ok(()),
    }
}
