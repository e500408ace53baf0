//! apalis on PostgreSQL with notifications, and on SQLite. Each handler runs on a task of its own,
//! as in its examples. Finished jobs are kept with their results.

use std::time::Duration;

use apalis::prelude::*;
use apalis_postgres::PostgresStorage;
use apalis_sqlite::SqliteStorage;
use common::{Done, Peer, Work};
use sqlx::postgres::{PgPool, PgPoolOptions};
use sqlx::sqlite::{SqliteConnectOptions, SqlitePool, SqlitePoolOptions};

const QUEUE: &str = "plain";

/// The tasks that a worker fetches at once.
const FETCH: usize = 500;

async fn plain(work: Work) -> Result<Done, BoxDynError> {
    Ok(work.done())
}

/// Runs a worker, which is not `Send`, on a thread of its own. Its handlers run on the runtime.
fn spawn_on_thread<F: Future<Output = ()>>(worker: impl FnOnce() -> F + Send + 'static) {
    let runtime = tokio::runtime::Handle::current();
    std::thread::spawn(move || runtime.block_on(worker()));
}

struct OnPostgres {
    pool: PgPool,
    concurrency: usize,
}

impl OnPostgres {
    fn config() -> apalis_postgres::Config {
        apalis_postgres::Config::default()
            .queue(QUEUE)
            .batch_size(FETCH)
    }
}

impl Peer for OnPostgres {
    async fn open(url: &str, concurrency: usize) -> Self {
        let pool = PgPoolOptions::new().max_connections(16).connect(url).await;
        let pool = pool.expect("the server accepts connections");
        PostgresStorage::setup(&pool).await.expect("the layout is created");
        Self { pool, concurrency }
    }

    async fn enqueue(&self, batch: Vec<Work>) {
        let mut storage = PostgresStorage::new(&self.pool).with_config(Self::config());
        storage.push_bulk(batch).await.expect("the enqueue succeeds");
    }

    async fn enqueue_one(&self, work: Work) {
        let mut storage = PostgresStorage::new(&self.pool).with_config(Self::config());
        storage.push(work).await.expect("the enqueue succeeds");
    }

    async fn work(&self) {
        let (pool, concurrency) = (self.pool.clone(), self.concurrency);
        spawn_on_thread(move || async move {
            let backend = PostgresStorage::new(&pool)
                .with_config(Self::config())
                .with_pubsub();
            let worker = WorkerBuilder::new("worker")
                .backend(backend)
                .concurrency(concurrency)
                .parallelize(tokio::spawn)
                .build(plain);
            worker.run().await.expect("the worker runs");
        });
    }

    async fn unfinished(&self) -> u64 {
        let count = "SELECT COUNT(*) FROM apalis.jobs WHERE done_at IS NULL";
        let count: i64 = sqlx::query_scalar(count)
            .fetch_one(&self.pool)
            .await
            .expect("a number");
        count.unsigned_abs()
    }
}

struct OnSqlite {
    pool: SqlitePool,
    concurrency: usize,
}

impl OnSqlite {
    fn config() -> apalis_sqlite::Config {
        apalis_sqlite::Config::default()
            .queue(QUEUE)
            .batch_size(FETCH)
    }
}

impl Peer for OnSqlite {
    async fn open(url: &str, concurrency: usize) -> Self {
        let options: SqliteConnectOptions = url.parse().expect("a file");
        let options = options
            .create_if_missing(true)
            .busy_timeout(Duration::from_secs(5));
        let pool = SqlitePoolOptions::new()
            .max_connections(1)
            .connect_with(options)
            .await;
        let pool = pool.expect("the file opens");
        SqliteStorage::setup(&pool).await.expect("the layout is created");
        Self { pool, concurrency }
    }

    async fn enqueue(&self, batch: Vec<Work>) {
        let mut storage = SqliteStorage::new(&self.pool).with_config(Self::config());
        storage.push_bulk(batch).await.expect("the enqueue succeeds");
    }

    async fn enqueue_one(&self, work: Work) {
        let mut storage = SqliteStorage::new(&self.pool).with_config(Self::config());
        storage.push(work).await.expect("the enqueue succeeds");
    }

    async fn work(&self) {
        let (pool, concurrency) = (self.pool.clone(), self.concurrency);
        spawn_on_thread(move || async move {
            let worker = WorkerBuilder::new("worker")
                .backend(SqliteStorage::new(&pool).with_config(Self::config()))
                .concurrency(concurrency)
                .parallelize(tokio::spawn)
                .build(plain);
            worker.run().await.expect("the worker runs");
        });
    }

    async fn unfinished(&self) -> u64 {
        let count = "SELECT COUNT(*) FROM Jobs WHERE done_at IS NULL";
        let count: i64 = sqlx::query_scalar(count)
            .fetch_one(&self.pool)
            .await
            .expect("a number");
        count.unsigned_abs()
    }
}

#[tokio::main]
async fn main() {
    let on_sqlite = std::env::args()
        .nth(2)
        .is_some_and(|url| url.starts_with("sqlite:"));
    if on_sqlite {
        common::run::<OnSqlite>().await;
    } else {
        common::run::<OnPostgres>().await;
    }
}
