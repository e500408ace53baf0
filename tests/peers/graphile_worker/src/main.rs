//! graphile_worker with local queues and batched completions, as its guide recommends for many
//! small jobs. Finished jobs are deleted.

use std::time::Duration;

use common::{Peer, Work};
use graphile_worker::{
    IntoTaskHandlerResult, JobSpec, LocalQueueConfig, TaskHandler, Worker, WorkerContext,
    WorkerOptions, WorkerUtils,
};
use serde::{Deserialize, Serialize};
use sqlx::PgPool;
use sqlx::postgres::PgPoolOptions;

#[derive(Clone, Deserialize, Serialize)]
struct Plain(Work);

impl TaskHandler for Plain {
    const IDENTIFIER: &'static str = "plain";

    async fn run(self, _ctx: WorkerContext) -> impl IntoTaskHandlerResult {
        self.0.done();
        Ok::<(), String>(())
    }
}

struct Graphile {
    pool: PgPool,
    utils: WorkerUtils,
    concurrency: usize,
}

async fn worker(pool: &PgPool, concurrency: usize) -> Worker {
    WorkerOptions::default()
        .concurrency(concurrency)
        .pg_pool(pool.clone())
        .define_job::<Plain>()
        .complete_job_batch_delay(Duration::from_millis(2))
        .local_queue(
            LocalQueueConfig::default()
                .with_size(500)
                .with_queue_count(2),
        )
        .init()
        .await
        .expect("the worker starts")
}

impl Peer for Graphile {
    async fn open(url: &str, concurrency: usize) -> Self {
        let pool = PgPoolOptions::new().max_connections(16).connect(url).await;
        let pool = pool.expect("the server accepts connections");
        let utils = worker(&pool, concurrency).await.create_utils();
        Self {
            pool,
            utils,
            concurrency,
        }
    }

    async fn enqueue(&self, batch: Vec<Work>) {
        let spec = JobSpec::default();
        let jobs: Vec<_> = batch.into_iter().map(|work| (Plain(work), &spec)).collect();
        self.utils.add_jobs(&jobs).await.expect("the enqueue succeeds");
    }

    async fn enqueue_one(&self, work: Work) {
        let added = self.utils.add_job(Plain(work), JobSpec::default()).await;
        added.expect("the enqueue succeeds");
    }

    async fn work(&self) {
        let worker = worker(&self.pool, self.concurrency).await;
        tokio::spawn(async move { worker.run().await.expect("the worker runs") });
    }

    async fn unfinished(&self) -> u64 {
        let count = "SELECT COUNT(*) FROM graphile_worker._private_jobs";
        let count: i64 = sqlx::query_scalar(count)
            .fetch_one(&self.pool)
            .await
            .expect("a number");
        count.unsigned_abs()
    }
}

#[tokio::main]
async fn main() {
    common::run::<Graphile>().await;
}
