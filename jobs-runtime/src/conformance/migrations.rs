//! The layout, from nothing.

use super::point::area;
use super::words::*;

area! { "migrations" {
    a_layout_is_brought_up_once: "A fresh database has nothing applied; `migrate` applies everything, and again nothing.",
    starters_at_once_share_the_work: "Of several starters at once, in several processes, none fails and each step is applied once.",
    what_is_there_stays: "Migrating a database that is in use changes nothing in it.",
}}

async fn a_layout_is_brought_up_once(Bare([store, _]): Bare) {
    let known = store.migrations().await.unwrap();
    assert!(!known.is_empty());
    assert!(known.iter().all(|step| step.applied_at.is_none()));
    let versions: Vec<_> = known.iter().map(|step| step.version).collect();
    let without_gaps: Vec<_> = (1..).take(known.len()).collect();
    assert_eq!(versions, without_gaps);
    let applied = store.migrate().await.unwrap();
    assert!(applied.iter().all(|step| step.applied_at.is_some()));
    assert_eq!(store.migrate().await.unwrap(), applied);
    assert_eq!(store.migrations().await.unwrap(), applied);
    store.ping().await.unwrap();
    assert!(!store.describe().kind.is_empty());
}

async fn starters_at_once_share_the_work(Bare(handles): Bare) {
    let answers = at_once(8, |n| {
        let store = handles[n % 2].clone();
        async move { store.migrate().await.unwrap() }
    })
    .await;
    for applied in &answers {
        assert!(applied.iter().all(|step| step.applied_at.is_some()));
        assert_eq!(applied, &answers[0]);
    }
    for store in &handles {
        store.ping().await.unwrap();
    }
    enqueue(&handles[0], "j", 1).await;
}

async fn what_is_there_stays(Handles([here, there]): Handles) {
    let claimed = running(&here, "j").await;
    there.migrate().await.unwrap();
    assert_eq!(settle(&here, success(&claimed)).await, WriteAnswer::Settled);
    let read = record(&there, claimed.execution_id).await;
    assert_eq!(read.status, ExecutionStatus::Succeeded);
}
