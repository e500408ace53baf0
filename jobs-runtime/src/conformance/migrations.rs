//! The layout, from nothing.

use super::fixtures::*;
use super::requirement::requirements;

requirements! { "migrations" {
    migrate_applies_each_migration_once: "On a fresh database no migration is applied. `migrate` applies all of them, and a second call applies none.",
    concurrent_migrate_calls_succeed: "If several processes call `migrate` at the same time, all calls succeed and each migration is applied once.",
    migrate_keeps_existing_data: "`migrate` on a database in use changes no data.",
}}

async fn migrate_applies_each_migration_once(Unmigrated([store, _]): Unmigrated) {
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

async fn concurrent_migrate_calls_succeed(Unmigrated(handles): Unmigrated) {
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

async fn migrate_keeps_existing_data(Handles([here, there]): Handles) {
    let claimed = running(&here, "j").await;
    there.migrate().await.unwrap();
    assert_eq!(settle(&here, success(&claimed)).await, WriteAnswer::Settled);
    let read = record(&there, claimed.execution_id).await;
    assert_eq!(read.status, ExecutionStatus::Succeeded);
}
