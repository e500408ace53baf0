//! Several stores on one file, as several processes open it.

use std::sync::Arc;

use jobs_runtime::store::sqlite::SqliteStore;
use jobs_runtime::store::{SetupStore, StoreEvent};

use super::harness::*;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn four_stores_migrate_one_file() {
    let file = Arc::new(TestFile::new());
    let stores: Vec<_> = (0..4)
        .map(|_| {
            let file = Arc::clone(&file);
            tokio::spawn(async move {
                let store = SqliteStore::open(&file.url()).await?;
                store.migrate().await
            })
        })
        .collect();
    for store in stores {
        let applied = store.await.unwrap().unwrap();
        assert!(applied.iter().all(|step| step.applied_at.is_some()));
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn commits_of_another_store_are_detected_and_own_ones_are_not() {
    let file = TestFile::new();
    let here = file.open().await;
    let there = file.open().await;
    let mut events = here.events();
    let id = enqueue(&there, "j", 1).await[0];
    event(&mut events, |e| matches!(e, StoreEvent::Elsewhere)).await;
    record(&here, id).await;

    // Own writes publish precise events. The next `Elsewhere` comes from the other store.
    let mut events = here.events();
    for _ in 0..50 {
        enqueue(&here, "j", 1).await;
        event(&mut events, |e| {
            assert!(!matches!(e, StoreEvent::Elsewhere));
            e.is_ready()
        })
        .await;
    }
    enqueue(&there, "j", 1).await;
    event(&mut events, |e| matches!(e, StoreEvent::Elsewhere)).await;
}
