//! Calls about a few executions among many that are all alike: a planner who has seen one word only takes any
//! order for as good as another.

use std::time::Duration;

use jobs::ExecutionId;
use jobs_runtime::store::{
    Caps, Claim, ExecutionEdit, ExecutionQuery, Limit, LimitRule, NewExecution, SessionId,
    SessionInfo, Store,
};

use super::exercise::{NOW, feeds, new};

/// Executions of either kind that are enqueued.
const FEW: usize = 10;

/// How many a claim takes.
const TAKEN: usize = 2;

/// Enqueues a few others, and claims the first past all that are alike, twice: the next claim knows the way.
pub(crate) async fn walk_past_all(store: &dyn Store) -> Few {
    // Behind the others, and before them.
    let (behind, last) = (some(0, 50, None), some(1, 40, None));
    let first = some(2, 60, Some(limit()));
    let few = Few {
        job_id: behind[0].job_id.clone(),
        urgent: first[FEW - 1].id,
        session: session(store).await,
    };
    for batch in [behind, last, first] {
        store.enqueue(batch).await.unwrap();
    }
    for number in [1, 2] {
        few.claim(store, number, Caps::default()).await;
    }
    few
}

/// Asks for what is rare, in every way that an index is there for.
pub(crate) async fn look_for_few(store: &dyn Store, few: Few) {
    few.claim(store, 3, Caps::default()).await;
    for query in pages() {
        store.list_executions(query).await.unwrap();
    }
    let waiting = store.waiting_since("default".to_owned(), NOW.after(Duration::from_secs(1)), FEW);
    assert!(!waiting.await.unwrap().is_empty());
    displace(store, few.urgent).await;
    // The heads of jobs are looked at one by one where a queue is paused, or where queues are counted.
    store.pause("elsewhere".to_owned(), NOW).await.unwrap();
    let counted = Caps {
        queues: vec![("default".to_owned(), FEW)],
        ..Caps::default()
    };
    few.claim(store, 4, Caps::default()).await;
    few.claim(store, 5, counted).await;
}

/// What there is beside those that are alike.
pub(crate) struct Few {
    /// Of some of them.
    job_id: String,
    /// Held by a limit.
    urgent: ExecutionId,
    session: SessionId,
}

impl Few {
    async fn claim(&self, store: &dyn Store, number: i64, caps: Caps) {
        let claim = Claim {
            session: self.session,
            number,
            job_ids: vec![self.job_id.clone()],
            queues: Vec::new(),
            except: Vec::new(),
            only: Vec::new(),
            limit: TAKEN,
            caps,
            now: NOW,
        };
        assert_eq!(store.claim(claim).await.unwrap().len(), TAKEN);
    }
}

async fn session(store: &dyn Store) -> SessionId {
    let info = SessionInfo {
        worker: "here".to_owned(),
        opened_at: NOW,
        job_ids: Vec::new(),
        queues: Vec::new(),
        labels: Vec::new(),
        slot_caps: Vec::new(),
    };
    store.open_session(info).await.unwrap()
}

/// Another who is more urgent takes the place of one that is ready by the same limit.
async fn displace(store: &dyn Store, urgent: ExecutionId) {
    let change = ExecutionEdit {
        priority: Some(70),
        ..ExecutionEdit::default()
    };
    store.edit(urgent, change, NOW).await.unwrap();
    store.promote(NOW, FEW).await.unwrap();
    assert!(store.blocked_by(urgent, NOW).await.unwrap().is_none());
}

fn some(kind: u128, priority: u8, limit: Option<Limit>) -> Vec<NewExecution> {
    let numbers = (1..=FEW as u128).map(|n| n + 1_000 * kind);
    let make = |number| NewExecution {
        job_id: format!("another-{kind}"),
        queue: "default".to_owned(),
        priority,
        run_at: None,
        ..new(number)
    };
    let mut some: Vec<_> = numbers.map(make).collect();
    for new in &mut some {
        new.rules.limits.extend(limit.clone());
    }
    some
}

/// Lets in all but one.
fn limit() -> Limit {
    Limit {
        key: "another".to_owned(),
        job_id: "another-2".to_owned(),
        rule: LimitRule::Concurrent {
            count: u32::try_from(FEW - 1).unwrap(),
        },
    }
}

/// What all have, and what none has.
fn pages() -> Vec<ExecutionQuery> {
    let mut pages: Vec<_> = feeds().into_iter().map(|(_, query)| query).collect();
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
