//! A resource: the application's own database, shared by all handlers that take a `&WorkspaceDb`.
//!
//! ```text
//! cargo run -- exec health-check
//! ```
//!
//! The runtime keeps its jobs in a store of its own, `sqlite:jobs.db` by default.

use jobs::JobError;
use sqlx::sqlite::{SqliteConnectOptions, SqliteJournalMode, SqlitePool, SqlitePoolOptions};

/// A pool of connections to the database of workspaces and members.
#[derive(Debug, Clone)]
pub struct WorkspaceDb {
    pool: SqlitePool,
}

/// A member of a workspace.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Member {
    /// The member's id.
    pub id: String,
    /// The member's role.
    pub role: String,
}

/// Opens the database named by `WORKSPACE_DATABASE_URL` (`sqlite:workspace.db` unless set).
///
/// The runtime calls this function once, at the start of a process that executes a job with an
/// argument `&WorkspaceDb`.
#[jobs::resource]
pub async fn workspace_db() -> Result<WorkspaceDb, sqlx::Error> {
    let url = std::env::var("WORKSPACE_DATABASE_URL");
    WorkspaceDb::open(url.as_deref().unwrap_or("sqlite:workspace.db")).await
}

impl WorkspaceDb {
    /// Opens the database, creates its tables, and seeds the workspace `ws-1`.
    pub async fn open(url: &str) -> Result<Self, sqlx::Error> {
        let options = url
            .parse::<SqliteConnectOptions>()?
            .create_if_missing(true)
            .foreign_keys(true)
            .journal_mode(SqliteJournalMode::Wal);
        let pool = SqlitePoolOptions::new()
            .max_connections(4)
            .connect_with(options)
            .await?;
        sqlx::raw_sql(include_str!("schema.sql"))
            .execute(&pool)
            .await?;
        Ok(Self { pool })
    }

    /// Returns `true` if the workspace exists.
    pub async fn has_workspace(&self, id: &str) -> Result<bool, sqlx::Error> {
        let found: Option<i64> = sqlx::query_scalar("SELECT 1 FROM workspaces WHERE id = ?")
            .bind(id)
            .fetch_optional(&self.pool)
            .await?;
        Ok(found.is_some())
    }

    /// Counts the workspaces.
    pub async fn count_workspaces(&self) -> Result<i64, sqlx::Error> {
        sqlx::query_scalar("SELECT count(*) FROM workspaces")
            .fetch_one(&self.pool)
            .await
    }

    /// Adds `subject` to the workspace as the member `id`, or returns the existing member.
    ///
    /// The method is idempotent: `(workspace_id, subject)` is unique, so a second call returns the
    /// row of the first one.
    pub async fn add_member(
        &self,
        id: &str,
        workspace_id: &str,
        subject: &str,
        role: &str,
    ) -> Result<Member, JobError> {
        sqlx::query(
            "INSERT INTO members (id, workspace_id, subject, role) VALUES (?, ?, ?, ?) \
             ON CONFLICT (workspace_id, subject) DO NOTHING",
        )
        .bind(id)
        .bind(workspace_id)
        .bind(subject)
        .bind(role)
        .execute(&self.pool)
        .await?;
        let (id, role) =
            sqlx::query_as("SELECT id, role FROM members WHERE workspace_id = ? AND subject = ?")
                .bind(workspace_id)
                .bind(subject)
                .fetch_one(&self.pool)
                .await?;
        Ok(Member { id, role })
    }
}
