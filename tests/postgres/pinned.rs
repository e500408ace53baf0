//! Claims beside a transaction that keeps its snapshot: nothing that was taken can be vacuumed meanwhile.

use std::time::Duration;

use jobs::AttemptOutcome;
use jobs_runtime::store::{Claimed, Next, Store};
use sqlx::postgres::PgConnection;
use sqlx::{AssertSqlSafe, Connection, Executor};
use tests::postgres::Postgres;
use tests::process::now;

use crate::support::{claim, new, ready, schema_of, session, success};

/// Executions that others have taken: so many entries lie in front of those that are left.
const GONE: usize = 400_000;

/// Those that are left.
const LEFT: usize = 10_000;

/// How many a claim takes.
const TAKEN: usize = 100;

/// Writes executions that are ready, and those that somebody looks at while others take them.
async fn fill(database: &mut PgConnection, looker: &mut PgConnection, schema: &str) {
    let all = GONE + LEFT;
    let written = format!(
        "INSERT INTO {schema}.executions (
             id, job_id, queue, priority, max_attempts, retry, created_at, run_at, triggered_by, payload
         )
         SELECT lpad(to_hex(n), 32, '0')::uuid, 'job', 'default', 50, 1, '[[],0.0]', 0, 0, 'test', '{{}}'
         FROM generate_series(1, {all}) AS n;
         INSERT INTO {schema}.ready (seq, rank, attempt, spent, queue, job_id)
         SELECT seq, 50, 1, 0, queue, job_id FROM {schema}.executions;
         ANALYZE {schema}.ready, {schema}.executions;"
    );
    let looked = "BEGIN ISOLATION LEVEL REPEATABLE READ; SELECT txid_current()";
    let taken = format!(
        "DELETE FROM {schema}.ready WHERE seq BETWEEN 2 AND {}",
        GONE + 1
    );
    database.execute(AssertSqlSafe(written)).await.unwrap();
    looker.execute(looked).await.unwrap();
    database.execute(AssertSqlSafe(taken)).await.unwrap();
}

fn median(times: &[Duration]) -> Duration {
    let mut times = times.to_vec();
    times.sort_unstable();
    times[times.len() / 2]
}

#[tokio::test]
async fn claims_stay_quick_in_front_of_what_cannot_be_vacuumed() {
    let (url, server) = (
        Postgres::shared().fresh_url(),
        Postgres::shared().url("postgres"),
    );
    let store = ready(&url).await;
    let mut database = PgConnection::connect(&server).await.unwrap();
    let mut looker = PgConnection::connect(&server).await.unwrap();
    fill(&mut database, &mut looker, &schema_of(&url)).await;
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
            // The next claims know the way.
            1 => give_back(&*store, &claimed[0]).await,
            2 => drop(store.enqueue(vec![urgent.clone()]).await.unwrap()),
            3 => assert_eq!(claimed[0].execution_id, urgent.id, "it is not passed over"),
            _ => {}
        }
        if claimed.is_empty() {
            break;
        }
        taken.extend(claimed.into_iter().map(|claimed| claimed.execution_id));
    }
    let first = taken[0];
    let again = taken.iter().skip(1).filter(|id| **id == first);
    assert_eq!(again.count(), 1, "what came back to its place is found");
    assert_eq!(
        taken.len(),
        LEFT + 2,
        "nothing else is taken twice, or left"
    );
    let (first, others) = (times[0], median(&times[1..]));
    assert!(
        others * 2 < first,
        "{first:?} for the first, {others:?} for the others"
    );
}

/// Ends an attempt so that its execution is ready where it was before.
async fn give_back(store: &dyn Store, claimed: &Claimed) {
    let mut settlement = success(claimed);
    settlement.end.outcome = AttemptOutcome::Released;
    settlement.next = Next::GiveBack;
    store.settle(vec![settlement]).await.unwrap();
}
