//! riverqueue on both databases, with the shortest interval between fetches that it allows.
//! Finished jobs are kept with their output.

use std::str::FromStr;
use std::sync::Mutex;
use std::time::Duration;

use common::{Peer, Work};
use riverqueue::migrate::{PostgresMigrator, SqliteMigrator};
use riverqueue::sqlx::postgres::{PgPool, PgPoolOptions};
use riverqueue::sqlx::sqlite::{
    SqliteConnectOptions, SqliteJournalMode, SqlitePool, SqlitePoolOptions, SqliteSynchronous,
};
use riverqueue::sqlx::{AssertSqlSafe, query_scalar};
use riverqueue::{
    BoxError, Client, FETCH_COOLDOWN_MIN, Job, JobArgs, QueueConfig, RunHandle, WorkContext,
    WorkOutcome, Workers,
};
use serde::{Deserialize, Serialize};

#[derive(Clone, Debug, Deserialize, JobArgs, Serialize)]
#[river(kind = "plain")]
struct Plain {
    work: Work,
}

async fn plain(context: WorkContext, job: Job<Plain>) -> Result<WorkOutcome, BoxError> {
    let done = job.args.work.done();
    context.record_output(serde_json::to_value(done)?)?;
    Ok(WorkOutcome::Complete)
}

enum Pool {
    Postgres(PgPool),
    Sqlite(SqlitePool),
}

struct River {
    pool: Pool,
    client: Client,
    run: Mutex<Option<RunHandle>>,
}

impl Peer for River {
    async fn open(url: &str, concurrency: usize) -> Self {
        let mut workers = Workers::new();
        workers.add_fn(plain).expect("one handler");
        let (pool, client) = if let Some(file) = url.strip_prefix("sqlite:") {
            let options = SqliteConnectOptions::from_str(&format!("sqlite://{file}"))
                .expect("a file")
                .create_if_missing(true)
                .journal_mode(SqliteJournalMode::Wal)
                .synchronous(SqliteSynchronous::Normal)
                .busy_timeout(Duration::from_secs(5));
            let pool = SqlitePoolOptions::new()
                .connect_with(options)
                .await
                .expect("the file opens");
            let migrator = SqliteMigrator::new(pool.clone());
            migrator.migrate_up().await.expect("the layout is created");
            (Pool::Sqlite(pool.clone()), Client::builder(pool))
        } else {
            let pool = PgPoolOptions::new().max_connections(16).connect(url).await;
            let pool = pool.expect("the server accepts connections");
            let migrator = PostgresMigrator::new(pool.clone());
            migrator.migrate_up().await.expect("the layout is created");
            (Pool::Postgres(pool.clone()), Client::builder(pool))
        };
        let client = client
            .workers(workers)
            .fetch_cooldown(FETCH_COOLDOWN_MIN)
            .queue("default", QueueConfig::new(concurrency))
            .build()
            .expect("a client is built");
        Self {
            pool,
            client,
            run: Mutex::new(None),
        }
    }

    async fn enqueue(&self, batch: Vec<Work>) {
        let batch = batch.into_iter().map(|work| Plain { work });
        self.client.insert_many(batch).await.expect("the enqueue succeeds");
    }

    async fn enqueue_one(&self, work: Work) {
        self.client.insert(Plain { work }).await.expect("the enqueue succeeds");
    }

    async fn work(&self) {
        let run = self.client.start().expect("the client starts");
        *self.run.lock().expect("the lock is not poisoned") = Some(run);
    }

    async fn unfinished(&self) -> u64 {
        let count = AssertSqlSafe("SELECT COUNT(*) FROM river_job WHERE finalized_at IS NULL");
        let count: i64 = match &self.pool {
            Pool::Postgres(pool) => query_scalar(count).fetch_one(pool).await,
            Pool::Sqlite(pool) => query_scalar(count).fetch_one(pool).await,
        }
        .expect("a number");
        count.unsigned_abs()
    }
}

#[tokio::main]
async fn main() {
    common::run::<River>().await;
}
