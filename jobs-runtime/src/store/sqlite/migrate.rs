//! Migrations: the steps of the layout, and the ledger of the applied ones.

use sqlx::Row;
use sqlx::sqlite::SqliteConnection;

use super::conn::error::DbError;
use crate::store::MigrationStatus;
use crate::store::rules::migrations::{
    AppliedMigration, Migration, check_ledger, migration_status,
};
use crate::time::Timestamp;

/// The steps of this store's layout.
pub(super) const MIGRATIONS: &[Migration] = &[Migration {
    version: 1,
    name: "layout",
    compatible_from: 1,
    concurrent_index: None,
    sql: include_str!("migrations/0001_layout.sql"),
}];

/// Applies the first missing step in the open transaction of `conn`. Returns true if no step is
/// missing afterwards.
///
/// The ledger is read in the same transaction. If several processes start at once, one applies the
/// step, and the rest find it applied.
pub(super) async fn migrate_next_in_txn(
    conn: &mut SqliteConnection,
    steps: &[Migration],
) -> Result<bool, DbError> {
    sqlx::raw_sql(include_str!("sql/migrate/ledger_create.sql"))
        .execute(&mut *conn)
        .await?;
    let applied = checked_ledger(conn, steps).await?;
    let Some(migration) = steps.get(applied.len()) else {
        return Ok(true);
    };
    sqlx::raw_sql(migration.sql).execute(&mut *conn).await?;
    sqlx::query(include_str!("sql/migrate/ledger_write.sql"))
        .bind(migration.version)
        .bind(migration.name)
        .bind(migration.checksum())
        .bind(migration.compatible_from)
        .execute(&mut *conn)
        .await?;
    Ok(applied.len() + 1 == steps.len())
}

/// The steps of this program, with the times at which they were applied.
pub(super) async fn status_on_conn(
    conn: &mut SqliteConnection,
    steps: &[Migration],
) -> Result<Vec<MigrationStatus>, DbError> {
    let has_ledger: bool = sqlx::query_scalar(include_str!("sql/migrate/ledger_exists.sql"))
        .fetch_one(&mut *conn)
        .await?;
    let applied = if has_ledger {
        checked_ledger(conn, steps).await?
    } else {
        Vec::new()
    };
    Ok(migration_status(steps, &applied))
}

/// Reads the ledger and checks it with [`check_ledger`].
async fn checked_ledger(
    conn: &mut SqliteConnection,
    steps: &[Migration],
) -> Result<Vec<AppliedMigration>, DbError> {
    let rows = sqlx::query(include_str!("sql/migrate/ledger_read.sql"))
        .fetch_all(conn)
        .await?;
    let mut applied = Vec::with_capacity(rows.len());
    for row in &rows {
        applied.push(AppliedMigration {
            version: row.try_get(0)?,
            name: row.try_get(1)?,
            checksum: row.try_get(2)?,
            applied_at: Timestamp::from_millis(row.try_get(3)?),
            compatible_from: row.try_get("compatible_from").unwrap_or(None),
        });
    }
    check_ledger(steps, &applied).map_err(DbError::Store)?;
    Ok(applied)
}

#[cfg(test)]
mod tests {
    use sqlx::{Connection, Executor};

    use super::*;
    use crate::store::StoreError;

    const fn step(version: u32, name: &'static str, sql: &'static str) -> Migration {
        Migration {
            version,
            name,
            // The third step needs the second one.
            compatible_from: if version == 3 { 2 } else { version },
            concurrent_index: None,
            sql,
        }
    }

    const STEPS: [Migration; 3] = [
        step(1, "first", "CREATE TABLE first (id INTEGER)"),
        step(2, "second", "CREATE TABLE second (id INTEGER)"),
        step(3, "third", "ALTER TABLE first ADD COLUMN name TEXT"),
    ];

    async fn migrate(conn: &mut SqliteConnection, steps: &[Migration]) -> Result<usize, DbError> {
        let mut calls = 1;
        while !migrate_next_in_txn(conn, steps).await? {
            calls += 1;
        }
        Ok(calls)
    }

    #[tokio::test]
    async fn each_missing_step_is_applied_once_and_in_order() {
        let mut conn = SqliteConnection::connect(":memory:").await.unwrap();
        let status = status_on_conn(&mut conn, &STEPS).await.unwrap();
        assert!(status.iter().all(|step| step.applied_at.is_none()));
        assert_eq!(migrate(&mut conn, &STEPS[..2]).await.unwrap(), 2);
        conn.execute("INSERT INTO first VALUES (1)").await.unwrap();
        // A newer program has a third step.
        let status = status_on_conn(&mut conn, &STEPS).await.unwrap();
        let missing: Vec<_> = status.iter().map(|s| s.applied_at.is_none()).collect();
        assert_eq!(missing, [false, false, true]);
        assert_eq!(migrate(&mut conn, &STEPS).await.unwrap(), 1);
        assert_eq!(
            migrate(&mut conn, &STEPS).await.unwrap(),
            1,
            "nothing is left to apply"
        );
        let row = sqlx::query("SELECT id, name FROM first").fetch_one(&mut conn);
        let (id, name): (i64, Option<String>) = {
            let row = row.await.unwrap();
            (row.get(0), row.get(1))
        };
        assert_eq!((id, name), (1, None), "the row outlives the step");
    }

    #[tokio::test]
    async fn a_newer_layout_stops_an_older_program_that_it_does_not_fit() {
        let mut conn = SqliteConnection::connect(":memory:").await.unwrap();
        migrate(&mut conn, &STEPS).await.unwrap();
        // The newest layout says that it fits programs with two steps.
        assert_eq!(migrate(&mut conn, &STEPS[..2]).await.unwrap(), 1);
        match migrate(&mut conn, &STEPS[..1]).await {
            Err(DbError::Store(StoreError::Layout(reason))) => {
                assert!(reason.contains("migration 2 `second`"), "{reason}");
            }
            other => panic!("a layout error was expected, not {other:?}"),
        }
    }
}
