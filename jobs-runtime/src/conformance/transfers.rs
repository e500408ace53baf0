//! Transfers: exporting a store and importing it into another.

use std::time::Duration;

use super::capabilities::{Capability, TestContext};
use super::fixtures::*;
use super::limit_fixtures::rate;
use super::lists::all;
use super::requirement::{Verdict, requirements};

requirements! { "transfers" {
    a_transfer_copies_everything: "A transfer copies every execution with its history, in order. A repeated transfer writes nothing.",
    paused_rates_are_transferred: "The pause of a rate, and the distance to its last start, are transferred, also to a store without that rate.",
    a_moved_store_accepts_nothing_new: "A store that is marked as moved rejects executions and sessions with `Moved`, until the mark is removed.",
    imported_executions_are_listed_by_their_times: "`since` and `until` find imported executions, also if they are older than others of the store.",
    running_executions_are_not_imported: "A batch with a running execution is rejected as a whole.",
}}

/// Two stores of the same kind that support transfers.
struct Pair {
    from: AnyStore,
    to: AnyStore,
    _contexts: [TestContext; 2],
}

#[async_trait::async_trait]
impl Capability for Pair {
    async fn prepare(context: &TestContext) -> Result<Self, Verdict> {
        let other = TestContext::create(&context.backend).await?;
        let from = AnyStore::prepare(context).await?;
        let to = AnyStore::prepare(&other).await?;
        if from.transfer().is_none() {
            return Err(Verdict::NotApplicable("it does not support transfers"));
        }
        Ok(Self {
            from,
            to,
            _contexts: [context.clone(), other],
        })
    }
}

fn transfer(store: &AnyStore) -> &dyn Transferable {
    store.transfer().expect("it supports transfers")
}

/// Creates executions in every state but running.
async fn fill(store: &AnyStore) -> Vec<ExecutionId> {
    let session = session(store, "worker").await;
    let ends = [
        None,
        Some((AttemptOutcome::Succeeded, Next::Succeed("[1.0]".to_owned()))),
        Some((AttemptOutcome::Failed, Next::Fail)),
        Some((AttemptOutcome::Cancelled, Next::Cancel)),
        Some((AttemptOutcome::Failed, Next::RetryAt(t(30)))),
        Some((AttemptOutcome::Released, Next::GiveBack)),
    ];
    let mut all = Vec::new();
    for (n, end) in ends.into_iter().enumerate() {
        let number = i64::try_from(n).unwrap() + 1;
        let new = new_with("j", |new| {
            new.payload = r#"{"b":1,"a":"\u0000","b":1.50}"#.to_owned();
            new.tags = vec!["nul \u{0}".to_owned()];
            new.idempotency_key = key(&format!("k{n}"), "d");
        });
        all.push(new.id);
        store.enqueue(vec![new.clone()]).await.unwrap();
        if let Some((outcome, next)) = end {
            let mut claim = claim(session, number, &["j"], 1);
            claim.only = vec![new.id];
            let claimed = store.claim(claim).await.unwrap().pop().unwrap();
            let end = settlement(&claimed, outcome, next);
            settle(store, with_logs(end, vec![line(1, "one"), line(2, "two")])).await;
        }
    }
    let delayed = new_with("j", |new| new.run_at = Some(t(60)));
    let cancelled = new("j");
    let urgent = new_with("j", |new| new.priority = 90);
    for new in [delayed, cancelled.clone(), urgent] {
        all.push(new.id);
        store.enqueue(vec![new]).await.unwrap();
    }
    store.cancel(cancelled.id, t(1)).await.unwrap();
    // A manual retry keeps the outcome of the last run with its attempt.
    store
        .retry(all[2], None, EnqueueRules::default(), t(2))
        .await
        .unwrap();
    all
}

/// Copies everything in pages and returns the number of written executions.
async fn copy(from: &AnyStore, to: &AnyStore) -> usize {
    let mut after = None;
    let mut written = 0;
    loop {
        let page = transfer(from).export(after, 2).await.unwrap();
        assert!(page.executions.len() <= 2);
        let answers = transfer(to).import(page.executions).await.unwrap();
        written += answers.into_iter().filter(|written| *written).count();
        after = page.next;
        if after.is_none() {
            return written;
        }
    }
}

async fn a_transfer_copies_everything(Pair { from, to, .. }: Pair) {
    let all = fill(&from).await;
    assert_eq!(copy(&from, &to).await, all.len());
    assert_eq!(copy(&from, &to).await, 0);
    let row_counts = transfer(&from).row_counts().await.unwrap();
    assert_eq!(transfer(&to).row_counts().await.unwrap(), row_counts);
    for id in &all {
        let (there, here) = (record(&to, *id).await, record(&from, *id).await);
        assert_eq!(format!("{there:?}"), format!("{here:?}"));
        let expected = log(&from, *id).await;
        assert_eq!(log(&to, *id).await, expected);
    }
    let mut claims = Vec::new();
    for store in [&from, &to] {
        store.promote(t(60), 9).await.unwrap();
        let session = session(store, "next").await;
        let claimed = store.claim(claim(session, 1, &["j"], 99)).await.unwrap();
        let taken: Vec<_> = claimed
            .iter()
            .map(|one| (one.execution_id, one.fence.attempt, one.spent))
            .collect();
        claims.push(taken);
        let again = new_with("j", |new| new.idempotency_key = key("k1", "d"));
        let answers = store.enqueue(vec![again]).await.unwrap();
        assert_eq!(answers, [EnqueueAnswer::Replayed(all[1])]);
    }
    assert!(!claims[0].is_empty());
    assert_eq!(claims[1], claims[0]);
}

async fn imported_executions_are_listed_by_their_times(Pair { from, to, .. }: Pair) {
    let mut written = Vec::new();
    let mut enqueue_days = async |store: &AnyStore, days: &[u64]| {
        for day in days {
            let new = new_with("j", |new| new.created_at = t(day * 86_400));
            written.push((*day, new.id));
            store.enqueue(vec![new]).await.unwrap();
        }
    };
    enqueue_days(&to, &[4, 5, 6, 7]).await;
    enqueue_days(&from, &[2, 6, 1]).await;
    assert_eq!(copy(&from, &to).await, 3);
    enqueue_days(&to, &[8, 9]).await;
    for since in 0..=10 {
        for until in since..=10 {
            let query = ExecutionQuery {
                since: (since > 0).then_some(t(since * 86_400)),
                until: (until < 10).then_some(t(until * 86_400)),
                ..ExecutionQuery::newest(2)
            };
            let expected = written.iter().rev();
            let expected = expected.filter(|(day, _)| (since..until).contains(day));
            let expected: Vec<_> = expected.map(|(_, id)| *id).collect();
            assert_eq!(all(&to, query).await, expected, "{since} to {until}");
        }
    }
}

async fn running_executions_are_not_imported(Pair { from, to, .. }: Pair) {
    let waiting = enqueue(&from, "other", 1).await[0];
    running(&from, "j").await;
    let page = transfer(&from).export(None, 9).await.unwrap();
    assert_eq!(page.executions.len(), 2);
    let rejected = transfer(&to).import(page.executions).await;
    assert!(
        matches!(rejected, Err(StoreError::Transaction(_))),
        "{rejected:?}"
    );
    assert!(to.execution(waiting).await.unwrap().is_none());
}

async fn paused_rates_are_transferred(Pair { from, to, .. }: Pair) {
    let minute = rate("", 1, Duration::from_secs(60));
    let reserved = from.reserve(minute.clone(), 1, t(0), t(0)).await.unwrap();
    assert_eq!(reserved, Reservation::At(t(0)));
    let named = |name: &str| Limit {
        key: name.to_owned(),
        ..minute.clone()
    };
    let (paused, free) = (named("paused"), named("free"));
    from.reserve(paused.clone(), 1, t(0), t(0)).await.unwrap();
    from.pause_limit(vec!["paused".to_owned()], t(900))
        .await
        .unwrap();
    from.reserve(free, 1, t(0), t(0)).await.unwrap();
    from.reset_limit("free".to_owned()).await.unwrap();

    let rates = transfer(&from).paused_rates(t(1)).await.unwrap();
    assert_eq!(rates.len(), 2, "{rates:?}");
    for _ in 0..2 {
        transfer(&to).pause_rates(rates.clone()).await.unwrap();
    }
    let late = to.reserve(paused, 1, t(1), t(2)).await.unwrap();
    assert!(
        matches!(late, Reservation::TooLate(at) if at >= t(900)),
        "{late:?}"
    );
    let late = to.reserve(minute, 1, t(1), t(2)).await.unwrap();
    assert!(
        matches!(late, Reservation::TooLate(at) if at > t(50)),
        "{late:?}"
    );
}

async fn a_moved_store_accepts_nothing_new(Pair { from, .. }: Pair) {
    transfer(&from).check_not_moved().await.unwrap();
    for _ in 0..2 {
        transfer(&from)
            .mark_moved(Some("there".to_owned()))
            .await
            .unwrap();
    }
    let checked = transfer(&from).check_not_moved().await;
    assert!(
        matches!(&checked, Err(StoreError::Moved { to, .. }) if to == "there"),
        "{checked:?}"
    );
    let rejected = from.enqueue(vec![new("j")]).await;
    assert!(
        matches!(rejected, Err(StoreError::Moved { .. })),
        "{rejected:?}"
    );
    let info = SessionInfo {
        worker: "late".to_owned(),
        opened_at: T0,
        job_ids: Vec::new(),
        queues: Vec::new(),
        labels: Vec::new(),
        slot_caps: Vec::new(),
        fingerprints: Vec::new(),
        lease: Duration::from_secs(30),
    };
    let rejected = from.open_session(info).await;
    assert!(
        matches!(rejected, Err(StoreError::Moved { .. })),
        "{rejected:?}"
    );
    transfer(&from).mark_moved(None).await.unwrap();
    transfer(&from).check_not_moved().await.unwrap();
    enqueue(&from, "j", 1).await;
    session(&from, "early").await;
}
