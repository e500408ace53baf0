//! Claims beside a transaction with an old snapshot, because of which no claimed row can be
//! vacuumed.

use std::time::Duration;

use jobs::AttemptOutcome;
use jobs_runtime::store::{Claimed, Next, Store};
use sqlx::postgres::PgConnection;
use sqlx::{AssertSqlSafe, Connection, Executor};
use tests::postgres::Postgres;
use tests::process::now;

use crate::support::{claim, new, ready, schema_of, session, success};

/// Deleted rows, whose index entries lie in front of the ready executions.
const GONE: usize = 400_000;

/// Ready executions.
const LEFT: usize = 10_000;

/// Executions per claim.
const TAKEN: usize = 100;

/// Inserts ready executions and deletes most of them after `reader` has taken a snapshot.
async fn fill(database: &mut PgConnection, reader: &mut PgConnection, schema: &str) {
    let all = GONE + LEFT;
    let inserted = format!(
        "INSERT INTO {schema}.executions (
             id, job_id, queue, priority, max_attempts, retry, created_at, run_at, triggered_by, payload
         )
         SELECT lpad(to_hex(n), 32, '0')::uuid, 'job', 'default', 50, 1, '[[],0.0]', 0, 0, 'test', '{{}}'
         FROM generate_series(1, {all}) AS n;
         INSERT INTO {schema}.ready (seq, rank, attempt, spent, queue, job_id)
         SELECT seq, 50, 1, 0, queue, job_id FROM {schema}.executions;
         ANALYZE {schema}.ready, {schema}.executions;"
    );
    let snapshot = "BEGIN ISOLATION LEVEL REPEATABLE READ; SELECT txid_current()";
    let deleted = format!(
        "DELETE FROM {schema}.ready WHERE seq BETWEEN 2 AND {}",
        GONE + 1
    );
    database.execute(AssertSqlSafe(inserted)).await.unwrap();
    reader.execute(snapshot).await.unwrap();
    database.execute(AssertSqlSafe(deleted)).await.unwrap();
}

fn median(times: &[Duration]) -> Duration {
    let mut times = times.to_vec();
    times.sort_unstable();
    times[times.len() / 2]
}

#[tokio::test]
async fn claims_stay_fast_behind_rows_that_cannot_be_vacuumed() {
    let (url, server) = (
        Postgres::shared().fresh_url(),
        Postgres::shared().url("postgres"),
    );
    let store = ready(&url).await;
    let mut database = PgConnection::connect(&server).await.unwrap();
    let mut reader = PgConnection::connect(&server).await.unwrap();
    fill(&mut database, &mut reader, &schema_of(&url)).await;
    let session = session(&*store, "worker").await;
    let mut urgent = new("job");
    urgent.priority = 90;
    let mut taken = Vec::new();
    let mut times = Vec::new();
    for number in 1.. {
        let begun = now();
        let claimed = store
            .claim(claim(session, number, "job", TAKEN))
            .await
            .unwrap();
        times.push(begun.elapsed());
        match number {
            // After two slow scans, claims resume from a cursor.
            1 => give_back(&*store, &claimed[0]).await,
            2 => drop(store.enqueue(vec![urgent.clone()]).await.unwrap()),
            3 => assert_eq!(
                claimed[0].execution_id, urgent.id,
                "a more urgent execution is not skipped"
            ),
            _ => {}
        }
        if claimed.is_empty() {
            break;
        }
        taken.extend(claimed.into_iter().map(|claimed| claimed.execution_id));
    }
    let first = taken[0];
    let again = taken.iter().skip(1).filter(|id| **id == first);
    assert_eq!(again.count(), 1, "the released execution is found");
    assert_eq!(
        taken.len(),
        LEFT + 2,
        "every other execution is claimed once"
    );
    let (first, others) = (times[0], median(&times[1..]));
    assert!(
        others * 2 < first,
        "{first:?} for the first, {others:?} for the others"
    );
}

/// Releases an attempt, so that its execution is ready again at its old place.
async fn give_back(store: &dyn Store, claimed: &Claimed) {
    let mut settlement = success(claimed);
    settlement.end.outcome = AttemptOutcome::Released;
    settlement.next = Next::GiveBack;
    store.settle(vec![settlement]).await.unwrap();
}
