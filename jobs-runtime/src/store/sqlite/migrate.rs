//! The layout's steps and the ledger of those applied.

use sha2::{Digest, Sha256};
use sqlx::Row;
use sqlx::sqlite::SqliteConnection;

use super::fault::Fault;
use crate::store::{MigrationStatus, StoreError};
use crate::time::Timestamp;

/// A step of the layout. Once released it never changes; its checksum is in the ledgers.
struct Migration {
    version: u32,
    name: &'static str,
    sql: &'static str,
}

const MIGRATIONS: &[Migration] = &[
    Migration {
        version: 1,
        name: "layout",
        sql: include_str!("migrations/0001_layout.sql"),
    },
    Migration {
        version: 2,
        name: "logs",
        sql: include_str!("migrations/0002_logs.sql"),
    },
    Migration {
        version: 3,
        name: "installation",
        sql: include_str!("migrations/0003_installation.sql"),
    },
    Migration {
        version: 4,
        name: "labels",
        sql: include_str!("migrations/0004_labels.sql"),
    },
    Migration {
        version: 5,
        name: "limits",
        sql: include_str!("migrations/0005_limits.sql"),
    },
    Migration {
        version: 6,
        name: "rests",
        sql: include_str!("migrations/0006_rests.sql"),
    },
    Migration {
        version: 7,
        name: "let_in",
        sql: include_str!("migrations/0007_let_in.sql"),
    },
    Migration {
        version: 8,
        name: "shares",
        sql: include_str!("migrations/0008_shares.sql"),
    },
    Migration {
        version: 9,
        name: "turns",
        sql: include_str!("migrations/0009_turns.sql"),
    },
    Migration {
        version: 10,
        name: "many_keys",
        sql: include_str!("migrations/0010_many_keys.sql"),
    },
];

impl Migration {
    fn checksum(&self) -> String {
        let digest = Sha256::digest(self.sql.as_bytes());
        digest.iter().map(|byte| format!("{byte:02x}")).collect()
    }
}

/// A line of the ledger.
struct Applied {
    version: u32,
    name: String,
    checksum: String,
    applied_at: Timestamp,
}

/// Applies the first step that is missing, within the caller's transaction, and tells whether it
/// was the last. The ledger is read in that transaction: of several starters one applies it, and
/// the others find it applied.
pub(super) async fn migrate_next_in_txn(conn: &mut SqliteConnection) -> Result<bool, Fault> {
    sqlx::raw_sql(include_str!("sql/ledger_create.sql"))
        .execute(&mut *conn)
        .await?;
    let applied = checked_ledger(conn).await?;
    let Some(migration) = MIGRATIONS.get(applied.len()) else {
        return Ok(true);
    };
    sqlx::raw_sql(migration.sql).execute(&mut *conn).await?;
    sqlx::query(include_str!("sql/ledger_write.sql"))
        .bind(migration.version)
        .bind(migration.name)
        .bind(migration.checksum())
        .execute(&mut *conn)
        .await?;
    Ok(applied.len() + 1 == MIGRATIONS.len())
}

/// Every step known to this program, and when it was applied.
pub(super) async fn status_on_conn(
    conn: &mut SqliteConnection,
) -> Result<Vec<MigrationStatus>, Fault> {
    let prepared: bool = sqlx::query_scalar(include_str!("sql/ledger_exists.sql"))
        .fetch_one(&mut *conn)
        .await?;
    let applied = if prepared {
        checked_ledger(conn).await?
    } else {
        Vec::new()
    };
    Ok(MIGRATIONS
        .iter()
        .enumerate()
        .map(|(n, migration)| MigrationStatus {
            version: migration.version,
            name: migration.name.to_owned(),
            applied_at: applied.get(n).map(|line| line.applied_at),
        })
        .collect())
}

/// The ledger, provided that it tells the history that this program knows.
async fn checked_ledger(conn: &mut SqliteConnection) -> Result<Vec<Applied>, Fault> {
    let rows = sqlx::query(include_str!("sql/ledger_read.sql"))
        .fetch_all(conn)
        .await?;
    let mut applied = Vec::with_capacity(rows.len());
    for row in &rows {
        applied.push(Applied {
            version: row.try_get(0)?,
            name: row.try_get(1)?,
            checksum: row.try_get(2)?,
            applied_at: Timestamp::from_millis(row.try_get(3)?),
        });
    }
    for (n, line) in applied.iter().enumerate() {
        let Applied { version, name, .. } = line;
        let Some(migration) = MIGRATIONS.get(n) else {
            return Err(Fault::Store(StoreError::Layout(format!(
                "it has migration {version} `{name}`, which this program does not know: update \
                 the program"
            ))));
        };
        if *version != migration.version || line.checksum != migration.checksum() {
            return Err(Fault::Store(StoreError::Layout(format!(
                "migration {version} `{name}` was applied with another text than this program's: \
                 the file was prepared by another build, or its ledger changed by hand"
            ))));
        }
    }
    Ok(applied)
}
