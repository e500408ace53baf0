//! Permits that come back while nobody waits: noted by the embedded store, and counted before they are many.

use std::sync::Arc;

use jobs::{AttemptOutcome, ExecutionId};
use jobs_runtime::store::{
    AttemptEnd, Caps, Claim, Claimed, Limit, LimitRule, NewExecution, Next, Permits, SessionId,
    SessionInfo, Settlement, Store, StoreEvent, open,
};
use jobs_runtime::time::Timestamp;
use tests::database::Database;

use super::support::stored;

const NOW: Timestamp = Timestamp::from_millis(1_700_000_000_000);

/// Limits that differ by their keys: more than are written one by one.
const KEYS: u32 = 10;

/// Batches that are noted before they are counted.
const NOTES: u32 = 64;

/// One for each key, of which so many may run.
fn batch(first: u32, count: u32) -> Vec<NewExecution> {
    let new = |key: u32| {
        let id = ExecutionId::from_bytes(u128::from(first + key).to_be_bytes());
        let mut new = stored(id, "j");
        new.created_at = NOW;
        new.rules.limits = vec![Limit {
            key: format!("j/{count}/{key}"),
            job_id: "j".to_owned(),
            rule: LimitRule::Concurrent { count },
        }];
        new
    };
    (0..KEYS).map(new).collect()
}

fn success(claimed: &Claimed) -> Settlement {
    Settlement {
        fence: claimed.fence,
        execution_id: claimed.execution_id,
        end: AttemptEnd {
            outcome: AttemptOutcome::Succeeded,
            started_at: NOW,
            finished_at: NOW,
            error: None,
            progress: None,
            logs: Vec::new(),
        },
        next: Next::Succeed("null".to_owned()),
        permits: claimed.limits.clone().map(Permits::released),
    }
}

/// Enqueues one for each key, which are ready at once, and ends them together.
async fn round(store: &dyn Store, session: SessionId, number: u32, count: u32) {
    store.enqueue(batch(number * KEYS, count)).await.unwrap();
    let claim = Claim {
        session,
        number: i64::from(number),
        job_ids: vec!["j".to_owned()],
        queues: Vec::new(),
        except: Vec::new(),
        only: Vec::new(),
        limit: 100,
        caps: Caps::default(),
        now: NOW,
    };
    let claimed = store.claim(claim).await.unwrap();
    assert_eq!(claimed.len(), KEYS as usize, "nobody has to be let in");
    let ends = claimed.iter().map(success).collect();
    store.settle(ends).await.unwrap();
}

/// A store, and a look into its file from outside.
struct Ground {
    runtime: tokio::runtime::Runtime,
    store: Arc<dyn Store>,
    session: SessionId,
    database: Database,
    _directory: tempfile::TempDir,
}

impl Ground {
    fn new() -> Self {
        let directory = tempfile::tempdir().unwrap();
        let file = directory.path().join("jobs.db");
        let url = format!("sqlite:{}", file.display()).parse().unwrap();
        let runtime = tokio::runtime::Runtime::new().unwrap();
        let (store, session) = runtime.block_on(async {
            let store = open(&url).await.unwrap();
            store.migrate().await.unwrap();
            let info = SessionInfo {
                worker: "w".to_owned(),
                opened_at: NOW,
                job_ids: Vec::new(),
                queues: Vec::new(),
                labels: Vec::new(),
                slot_caps: Vec::new(),
            };
            let session = store.open_session(info).await.unwrap();
            (store, session)
        });
        Self {
            runtime,
            store,
            session,
            database: Database::open(&file),
            _directory: directory,
        }
    }

    fn round(&self, number: u32, count: u32) {
        self.runtime
            .block_on(round(&*self.store, self.session, number, count));
    }

    fn promoted(&self) -> usize {
        let promotion = self.runtime.block_on(self.store.promote(NOW, 1_000));
        promotion.unwrap().promoted
    }

    /// Batches that are noted and not counted.
    fn noted(&mut self) -> i64 {
        self.database
            .number("SELECT COUNT(*) FROM jobs_released_permits")
    }

    fn in_use(&mut self) -> i64 {
        self.database.number("SELECT SUM(in_use) FROM jobs_limits")
    }
}

#[test]
fn permits_that_are_noted_are_counted_before_they_are_many() {
    let mut ground = Ground::new();
    // Whoever enqueues needs the permits of those before.
    for number in 1..=3 {
        ground.round(number, 1);
        assert_eq!(ground.noted(), 1);
    }
    // Whoever has enough of them does not, until there are many.
    let mut events = ground.store.events();
    for number in 4..NOTES + 2 {
        ground.round(number, 100);
        assert_eq!(ground.noted(), i64::from(number) - 2);
    }
    let wanted = |event| matches!(event, StoreEvent::Scheduled(at) if at == Timestamp::default());
    assert!(!std::iter::from_fn(|| events.try_recv().ok()).any(wanted));
    ground.round(NOTES + 2, 100);
    assert!(std::iter::from_fn(|| events.try_recv().ok()).any(wanted));
    assert_eq!(ground.promoted(), 0);
    assert_eq!(ground.noted(), 0);
    assert_eq!(ground.in_use(), 0);
}

#[test]
fn what_is_noted_lets_in_who_waits_and_what_is_damaged_holds_up_nobody() {
    let mut ground = Ground::new();
    // Two rounds of which one waits, let in by a program that knows no notes.
    for number in [0, 1] {
        let enqueued = ground.store.enqueue(batch(number * KEYS, 1));
        ground.runtime.block_on(enqueued).unwrap();
        ground.promoted();
    }
    assert_eq!(ground.promoted(), 0);
    ground
        .database
        .execute("INSERT INTO jobs_released_permits (permits) VALUES ('[1,2]')");
    assert_eq!(ground.promoted(), 2);
    // One that is damaged is in nobody's way.
    ground.database.execute(
        "INSERT INTO jobs_released_permits (permits) VALUES ('none]'), ('[[3]]'), ('[3.0]'), ('[\"3\"]'), ('{\"3\":3}'), ('3'), ('[-3,null]'), ('[4,\"5\",null]')",
    );
    assert_eq!(ground.promoted(), 1);
    assert_eq!(ground.in_use(), i64::from(KEYS));
}
