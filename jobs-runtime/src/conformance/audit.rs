//! The audit log: entries as they were written, in pages, by filters, for a time.

use serde_json::json;

use super::fixtures::*;
use super::requirement::requirements;

requirements! { "audit" {
    entries_are_read_as_they_were_written: "An entry is read as it was written. Entries of one call are written together, and listed newest first.",
    entries_are_filtered_and_listed_in_pages: "All filters combine. A cursor continues where a page ended, also while new entries come.",
    old_entries_are_deleted: "A sweep deletes the entries from before a time, oldest first.",
}}

fn entry(n: u64, actor: &str, action: &str) -> AuditEntry {
    AuditEntry {
        at: t(n),
        actor: actor.to_owned(),
        role: "operator".to_owned(),
        address: n.is_multiple_of(2).then(|| "192.0.2.1".to_owned()),
        action: action.to_owned(),
        target: format!("target-{}", n % 3),
        before: Some(json!({"status": "queued", "n": n, "text": "a \u{0} b"})),
        after: (n % 2 == 1).then(|| json!({"status": "cancelled"})),
    }
}

async fn page(store: &AnyStore, query: AuditQuery) -> AuditPage {
    store.audit(query).await.unwrap()
}

async fn entries_are_read_as_they_were_written(store: AnyStore) {
    store.append_audit(Vec::new()).await.unwrap();
    let entries: Vec<_> = (1..=3)
        .map(|n| entry(n, "a\u{0}\u{fdd0}é", "queue.pause"))
        .collect();
    store.append_audit(entries.clone()).await.unwrap();
    let listed = page(&store, AuditQuery::newest(10)).await;
    let newest_first: Vec<_> = entries.into_iter().rev().collect();
    assert_eq!(listed.entries, newest_first);
    assert_eq!(listed.next_cursor, None);
}

async fn entries_are_filtered_and_listed_in_pages(store: AnyStore) {
    for n in 1..=9 {
        let actor = if n <= 6 { "alice" } else { "bob" };
        let action = if n % 2 == 0 {
            "queue.pause"
        } else {
            "queue.resume"
        };
        store
            .append_audit(vec![entry(n, actor, action)])
            .await
            .unwrap();
    }
    let times = |page: &AuditPage| -> Vec<_> {
        let entries = page.entries.iter();
        entries
            .map(|entry| (entry.at.as_millis() - T0.as_millis()) / 1_000)
            .collect()
    };
    let all = AuditQuery::newest(4);
    let first = page(&store, all.clone()).await;
    assert_eq!(times(&first), [9, 8, 7, 6]);
    store
        .append_audit(vec![entry(10, "bob", "queue.pause")])
        .await
        .unwrap();
    let mut seen = times(&first);
    let mut cursor = first.next_cursor;
    while cursor.is_some() {
        let next = page(
            &store,
            AuditQuery {
                cursor,
                ..all.clone()
            },
        )
        .await;
        seen.extend(times(&next));
        cursor = next.next_cursor;
    }
    assert_eq!(seen, [9, 8, 7, 6, 5, 4, 3, 2, 1]);

    let filtered = AuditQuery {
        actor: Some("alice".to_owned()),
        action: Some("queue.pause".to_owned()),
        since: Some(t(3)),
        until: Some(t(6)),
        ..AuditQuery::newest(10)
    };
    assert_eq!(times(&page(&store, filtered).await), [4]);
    let of_target = AuditQuery {
        target: Some("target-2".to_owned()),
        ..AuditQuery::newest(10)
    };
    assert_eq!(times(&page(&store, of_target).await), [8, 5, 2]);
}

async fn old_entries_are_deleted(store: AnyStore) {
    let entries = (1..=9).map(|n| entry(n, "alice", "queue.pause"));
    store.append_audit(entries.collect()).await.unwrap();
    let sweep = async |before, limit| {
        let sweep = Sweep {
            rows: Leftover::Audit,
            before,
            limit,
        };
        store.sweep(sweep).await.unwrap()
    };
    assert_eq!(sweep(t(0), 10).await, 0);
    assert_eq!(sweep(t(5), 3).await, 3);
    assert_eq!(sweep(t(5), 3).await, 2);
    let left = page(&store, AuditQuery::newest(10)).await.entries;
    assert_eq!(left.first().map(|entry| entry.at), Some(t(9)));
    assert_eq!(left.len(), 4);
}
