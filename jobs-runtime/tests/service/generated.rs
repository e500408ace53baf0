//! Property test: with any schema, every mistake in a payload is reported with its pointer.

use std::collections::BTreeSet;

use jobs::runtime::EnqueueRequest;
use jobs::{Catalogue, EnqueueError};
use proptest::prelude::*;
use proptest::sample::Index;
use proptest::test_runner::{Config, TestCaseError};
use serde_json::{Map, Value};

use crate::schemas::{Mistake, Object, Presence, root};
use crate::support::{publish, service, store, stored};

fn apply(payload: &mut Value, pointer: &str, mistake: Mistake) {
    let (parent, step) = pointer.rsplit_once('/').unwrap();
    let step = step.replace("~1", "/").replace("~0", "~");
    match (payload.pointer_mut(parent).unwrap(), mistake) {
        (Value::Object(fields), Mistake::Remove) => {
            fields.remove(&step).unwrap();
        }
        (Value::Object(fields), Mistake::Replace(wrong)) => {
            fields.insert(step, wrong);
        }
        (Value::Array(items), Mistake::Replace(wrong)) => {
            items[step.parse::<usize>().unwrap()] = wrong;
        }
        (parent, mistake) => panic!("{mistake:?} in {parent}"),
    }
}

async fn every_mistake_is_found(root: Object, picks: Vec<Index>) -> Result<(), TestCaseError> {
    let store = store().await;
    let mut defs = Map::new();
    let mut schema = root.schema(&mut defs);
    schema["$defs"] = Value::Object(defs);
    let linked = Catalogue::linked().unwrap();
    let mut descriptor = linked.get("add").unwrap().descriptor().clone();
    descriptor.id = "generated".to_owned();
    descriptor.aliases.clear();
    descriptor.payload_schema = schema;
    publish(&store, descriptor).await;
    let service = service(&store, Catalogue::default());
    let request = |payload: &Value| EnqueueRequest::new("generated", payload.to_string());

    // A valid payload is stored with its defaults.
    let full = root.value();
    let mut sent = full.clone();
    for (name, _, presence) in &root.fields {
        if *presence == Presence::Defaulted {
            sent.as_object_mut().unwrap().remove(name);
        }
    }
    let enqueued = service.enqueue(vec![request(&sent)]).await;
    let id =
        enqueued.map_err(|error| TestCaseError::fail(format!("{sent}: {error}")))?[0].execution_id;
    let record = store.execution(id).await.unwrap().unwrap();
    let kept: Value = serde_json::from_str(record.payload.get()).unwrap();
    prop_assert_eq!(kept, full.clone());

    // At least three mistakes at different pointers.
    let mut all = Vec::new();
    root.mistakes("", &mut all);
    let mut wrong = full;
    let mut expected = BTreeSet::new();
    for pick in picks {
        if all.is_empty() {
            break;
        }
        let (pointer, mistake) = all.swap_remove(pick.index(all.len()));
        apply(&mut wrong, &pointer, mistake);
        expected.insert(pointer);
    }
    prop_assert!(expected.len() >= 3);
    let error = service.enqueue(vec![request(&wrong)]).await.unwrap_err();
    let EnqueueError::InvalidPayload { violations, .. } = error else {
        return Err(TestCaseError::fail(error.to_string()));
    };
    let found: BTreeSet<_> = violations.0.iter().map(|one| one.pointer.clone()).collect();
    prop_assert_eq!(found, expected, "{}", wrong);
    prop_assert_eq!(stored(&store).await, 1);
    Ok(())
}

proptest! {
    #![proptest_config(Config { cases: 96, failure_persistence: None, ..Config::default() })]

    #[test]
    fn every_mistake_has_its_pointer_with_any_schema(
        root in root(),
        picks in prop::collection::vec(any::<Index>(), 3..8),
    ) {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .unwrap();
        runtime.block_on(every_mistake_is_found(root, picks))?;
    }
}
