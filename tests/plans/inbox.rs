//! Requests by SQL beside many that wait for a later time.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use jobs::{ErrorKind, ExecutionError};
use jobs_runtime::store::{
    NewExecution, Received, Resolution, ResolveReceived, Store, StoreError, TakenIn,
};
use tests::postgres::Postgres;

use super::store_calls::NOW;

/// Keeps the plans of the test's own statements out of the log.
const UNSEEN: &str = "SET auto_explain.log_min_duration = -1;";

/// Does with a request what its job id says.
struct ByJobId;

#[async_trait]
impl ResolveReceived for ByJobId {
    async fn resolve(&self, requests: &[Received]) -> Result<Vec<Resolution>, StoreError> {
        let resolved = requests.iter().map(|request| {
            let new = Box::new(NewExecution::new(request.id, "job-1", NOW));
            let error = ExecutionError {
                kind: ErrorKind::Rejected,
                message: "rejected".to_owned(),
            };
            match &*request.job_id {
                "reject" => Resolution::Reject(new, error),
                "postpone" => {
                    Resolution::Postpone(NOW.after(Duration::from_secs(9)), "later".to_owned())
                }
                _ => Resolution::Enqueue(new),
            }
        });
        Ok(resolved.collect())
    }
}

async fn take_in(store: &dyn Store) -> Vec<TakenIn> {
    let inbox = store.inbox().expect("a store on a server has an inbox");
    assert!(inbox.has_received(NOW).await.unwrap());
    inbox.take_in(10, NOW, Arc::new(ByJobId)).await.unwrap()
}

/// Takes in requests of every kind, and one that the database rejects.
pub(crate) async fn take_in_among_many(server: &Postgres, store: &dyn Store) {
    let insert = |rows: &str| {
        let columns = "not_before, enqueued_at, id, job_id, payload";
        let script =
            format!("{UNSEEN} INSERT INTO many.inbox ({columns}) {rows}; ANALYZE many.inbox");
        server.sql("postgres", &script);
    };
    insert(
        "SELECT 9000000000000, 0, gen_random_uuid(), 'later', '{}' FROM generate_series(1, 30000)",
    );
    insert(
        "SELECT 0, 0, gen_random_uuid(), job, '{}'
         FROM unnest(ARRAY['enqueue', 'reject', 'postpone']) AS job",
    );
    assert_eq!(take_in(store).await.len(), 2);
    insert("VALUES (0, 0, gen_random_uuid(), 'enqueue', '{}')");
    server.sql(
        "postgres",
        "CREATE FUNCTION many.reject_request() RETURNS trigger LANGUAGE plpgsql AS
         $$ BEGIN RAISE 'rejected'; END $$;
         CREATE TRIGGER reject BEFORE INSERT ON many.executions
         FOR EACH ROW EXECUTE FUNCTION many.reject_request();",
    );
    assert!(take_in(store).await.is_empty());
    server.sql("postgres", "DROP FUNCTION many.reject_request() CASCADE");
    let failed = format!("{UNSEEN} SELECT COUNT(*) FROM many.inbox WHERE tries = 1");
    assert_eq!(server.sql("postgres", &failed), "2");
}
