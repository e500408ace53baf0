//! Calls about rare executions among uniform ones. A column with a single value makes the planner
//! consider any order of rows equally cheap, so that it may choose a scan.

use std::time::Duration;

use jobs::ExecutionId;
use jobs_runtime::store::{
    Caps, Claim, ExecutionEdit, ExecutionQuery, Limit, LimitRule, NewExecution, QueuePause,
    SessionId, SessionInfo, Store,
};

use super::store_calls::{NOW, list_queries, new};

/// The number of rare executions of each kind.
const RARE: usize = 10;

/// The executions of one claim.
const CLAIMED: usize = 2;

/// Enqueues rare executions, and claims twice past all uniform ones. The claims that follow resume
/// behind them.
pub(crate) async fn scan_past_all(store: &dyn Store) -> Rare {
    // Two kinds come after the uniform executions, and one comes before them.
    let (behind, last) = (batch(0, 50, None), batch(1, 40, None));
    let first = batch(2, 60, Some(limit()));
    let rare = Rare {
        job_id: behind[0].job_id.clone(),
        blocked: first[RARE - 1].id,
        session: session(store).await,
    };
    for batch in [behind, last, first] {
        store.enqueue(batch).await.unwrap();
    }
    for number in [1, 2] {
        rare.claim(store, number, Caps::default()).await;
    }
    rare
}

/// Looks for rare executions by every call that has an index.
pub(crate) async fn look_for_rare(store: &dyn Store, rare: Rare) {
    rare.claim(store, 3, Caps::default()).await;
    for query in pages() {
        store.list_executions(query).await.unwrap();
    }
    let since = NOW.after(Duration::from_secs(1));
    let waiting = store.waiting_since("default".to_owned(), since, RARE);
    let waiting = waiting.await.unwrap();
    assert!(!waiting.is_empty(), "no execution waits since {since:?}");
    edit_blocked(store, rare.blocked).await;
    // Paused queues and capped queues make a claim scan by groups.
    store
        .pause("elsewhere".to_owned(), QueuePause::at(NOW))
        .await
        .unwrap();
    let capped = Caps {
        queues: vec![("default".to_owned(), RARE)],
        ..Caps::default()
    };
    rare.claim(store, 4, Caps::default()).await;
    rare.claim(store, 5, capped).await;
}

/// The rare executions.
pub(crate) struct Rare {
    /// The job that is claimed.
    job_id: String,
    /// An execution that waits for a permit.
    blocked: ExecutionId,
    session: SessionId,
}

impl Rare {
    async fn claim(&self, store: &dyn Store, number: i64, caps: Caps) {
        let claim = Claim {
            session: self.session,
            number,
            job_ids: vec![self.job_id.clone()],
            queues: Vec::new(),
            except: Vec::new(),
            only: Vec::new(),
            limit: CLAIMED,
            caps,
            now: NOW,
        };
        let claimed = store.claim(claim).await.unwrap();
        assert_eq!(claimed.len(), CLAIMED, "of claim {number}");
    }
}

async fn session(store: &dyn Store) -> SessionId {
    let info = SessionInfo {
        worker: "this worker".to_owned(),
        opened_at: NOW,
        job_ids: Vec::new(),
        queues: Vec::new(),
        labels: Vec::new(),
        slot_caps: Vec::new(),
        fingerprints: Vec::new(),
        lease: Duration::from_secs(30),
    };
    store.open_session(info).await.unwrap()
}

/// Makes a blocked execution more urgent. The ready ones keep their permits.
async fn edit_blocked(store: &dyn Store, blocked: ExecutionId) {
    let edit = ExecutionEdit {
        priority: Some(70),
        ..ExecutionEdit::default()
    };
    store.edit(blocked, edit, NOW).await.unwrap();
    store.promote(NOW, RARE).await.unwrap();
    let blocked_by = store.blocked_by(blocked, NOW).await.unwrap();
    assert!(blocked_by.is_some(), "it has the permit of another");
}

fn batch(kind: u128, priority: u8, limit: Option<Limit>) -> Vec<NewExecution> {
    let numbers = (1..=RARE as u128).map(|n| n + 1_000 * kind);
    let make = |number| NewExecution {
        job_id: format!("another-{kind}"),
        queue: "default".to_owned(),
        priority,
        run_at: None,
        ..new(number)
    };
    let mut batch: Vec<_> = numbers.map(make).collect();
    for new in &mut batch {
        new.rules.limits.extend(limit.clone());
    }
    batch
}

/// A limit with permits for all executions of a batch but one.
fn limit() -> Limit {
    Limit {
        key: "another".to_owned(),
        job_id: "another-2".to_owned(),
        rule: LimitRule::Concurrent {
            count: u32::try_from(RARE - 1).unwrap(),
        },
    }
}

/// Queries by each filter: by the value that all uniform executions have, and by a value that none
/// has.
fn pages() -> Vec<ExecutionQuery> {
    let queries = list_queries().into_iter();
    let mut pages: Vec<_> = queries.map(|(_, query)| query).collect();
    for word in ["same", "none"] {
        let page = || ExecutionQuery::newest(50);
        let word = || Some(word.to_owned());
        pages.extend([
            ExecutionQuery {
                job_id: word(),
                ..page()
            },
            ExecutionQuery {
                item_id: word(),
                ..page()
            },
            ExecutionQuery {
                correlation_id: word(),
                ..page()
            },
            ExecutionQuery {
                created_by: word(),
                ..page()
            },
        ]);
    }
    pages
}
