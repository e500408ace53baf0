//! Released permits of the SQLite store. A batch that releases permits of many limits while no
//! execution waits adds one pending row, which a later call counts.

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

/// The keyed limits of a batch: more than the store updates one by one.
const KEYS: u32 = 10;

/// The pending rows after which the store asks for a promotion that counts them.
const MAX_PENDING: u32 = 64;

/// One execution for each key, each under a limit of `count`.
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

/// Enqueues one execution for each key, claims them all and settles them in one batch.
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
    assert_eq!(claimed.len(), KEYS as usize, "all are ready at once");
    let ends = claimed.iter().map(success).collect();
    store.settle(ends).await.unwrap();
}

/// A store, and a connection of its own to the store's file.
struct Fixture {
    runtime: tokio::runtime::Runtime,
    store: Arc<dyn Store>,
    session: SessionId,
    database: Database,
    _directory: tempfile::TempDir,
}

impl Fixture {
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

    /// Rows of released permits that are not counted yet.
    fn pending(&mut self) -> i64 {
        self.database
            .number("SELECT COUNT(*) FROM jobs_released_permits")
    }

    fn in_use(&mut self) -> i64 {
        self.database.number("SELECT SUM(in_use) FROM jobs_limits")
    }
}

#[test]
fn pending_released_permits_are_counted_when_needed_or_many() {
    let mut fixture = Fixture::new();
    // With a limit of one, each round needs the permits that the round before released.
    for number in 1..=3 {
        fixture.round(number, 1);
        assert_eq!(fixture.pending(), 1);
    }
    // With a limit of a hundred no round needs them, so the rows accumulate up to the bound.
    let mut events = fixture.store.events();
    for number in 4..MAX_PENDING + 2 {
        fixture.round(number, 100);
        assert_eq!(fixture.pending(), i64::from(number) - 2);
    }
    let wanted = |event| matches!(event, StoreEvent::Scheduled(at) if at == Timestamp::default());
    assert!(!std::iter::from_fn(|| events.try_recv().ok()).any(wanted));
    fixture.round(MAX_PENDING + 2, 100);
    assert!(std::iter::from_fn(|| events.try_recv().ok()).any(wanted));
    assert_eq!(fixture.promoted(), 0);
    assert_eq!(fixture.pending(), 0);
    assert_eq!(fixture.in_use(), 0);
}

#[test]
fn pending_rows_admit_waiters_and_damaged_rows_block_no_other() {
    let mut fixture = Fixture::new();
    // Two rounds, the second of which waits for permits. The rows are written by hand below.
    for number in [0, 1] {
        let enqueued = fixture.store.enqueue(batch(number * KEYS, 1));
        fixture.runtime.block_on(enqueued).unwrap();
        fixture.promoted();
    }
    assert_eq!(fixture.promoted(), 0);
    fixture
        .database
        .execute("INSERT INTO jobs_released_permits (permits) VALUES ('[1,2]')");
    assert_eq!(fixture.promoted(), 2);
    // Damaged rows and elements are skipped.
    fixture.database.execute(
        "INSERT INTO jobs_released_permits (permits) VALUES ('none]'), ('[[3]]'), ('[3.0]'),
         ('[\"3\"]'), ('{\"3\":3}'), ('3'), ('[-3,null]'), ('[4,\"5\",null]')",
    );
    assert_eq!(fixture.promoted(), 1);
    assert_eq!(fixture.in_use(), i64::from(KEYS));
}
