//! awa with its queue storage, and batches by COPY as its documentation recommends. Finished jobs
//! are kept.

use std::time::Duration;

use awa::{Client, InsertOpts, JobArgs, JobResult, QueueConfig};
use common::{Peer, Work};
use serde::{Deserialize, Serialize};
use sqlx::PgPool;
use sqlx::postgres::PgPoolOptions;

#[derive(Clone, Debug, Deserialize, JobArgs, Serialize)]
struct Plain {
    work: Work,
}

struct Awa {
    pool: PgPool,
    client: Client,
}

impl Peer for Awa {
    async fn open(url: &str, concurrency: usize) -> Self {
        let pool = PgPoolOptions::new().max_connections(16).connect(url).await;
        let pool = pool.expect("the server accepts connections");
        awa::migrations::run(&pool).await.expect("the layout is created");
        let queue = QueueConfig {
            max_workers: u32::try_from(concurrency).expect("a small number"),
            poll_interval: Duration::from_millis(50),
            ..QueueConfig::default()
        };
        let client = Client::builder(pool.clone())
            .queue("default", queue)
            .register::<Plain, _, _>(|plain, _| async move {
                plain.work.done();
                Ok(JobResult::Completed)
            })
            .build()
            .expect("a client is built");
        Self { pool, client }
    }

    async fn enqueue(&self, batch: Vec<Work>) {
        let params = batch
            .into_iter()
            .map(|work| awa::model::insert::params(&Plain { work }));
        let params: Vec<_> = params.collect::<Result<_, _>>().expect("the arguments serialise");
        let inserted = awa::model::insert_many_copy_from_pool(&self.pool, &params).await;
        inserted.expect("the enqueue succeeds");
    }

    async fn enqueue_one(&self, work: Work) {
        let inserted = awa::insert_with(&self.pool, &Plain { work }, InsertOpts::default()).await;
        inserted.expect("the enqueue succeeds");
    }

    async fn work(&self) {
        self.client.start().await.expect("the client starts");
    }

    async fn unfinished(&self) -> u64 {
        let count = "SELECT COUNT(*) FROM awa.jobs WHERE finalized_at IS NULL";
        let count: i64 = sqlx::query_scalar(count)
            .fetch_one(&self.pool)
            .await
            .expect("a number");
        count.unsigned_abs()
    }
}

#[tokio::main]
async fn main() {
    common::run::<Awa>().await;
}
