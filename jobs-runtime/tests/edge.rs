//! The edge over the real SQLite store: typed clients, published jobs, results, and every mistake
//! in payloads of generated schemas.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use jobs::runtime::{EnqueueRequest, Finished};
use jobs::{
    AttemptOutcome, Catalogue, EnqueueError, ErrorKind, ExecutionError, ExecutionId, HandlerKind,
    JobDescriptor, JobError, Priority, ResultError, job,
};
use jobs_runtime::fingerprint::job_fingerprint;
use jobs_runtime::store::sqlite::SqliteStore;
use jobs_runtime::store::{
    Answer, AttemptEnd, Claim, Claimed, FeedQuery, Next, PublishedJob, SessionInfo, Settlement,
    Store,
};
use jobs_runtime::time::Timestamp;
use jobs_runtime::{Edge, Entropy, MAX_PAYLOAD_BYTES, SystemClock};
use proptest::prelude::*;
use proptest::sample::Index;
use proptest::test_runner::{Config, TestCaseError};
use serde_json::{Map, Value, json};

/// Adds.
#[job(id = "add", aliases = ["plus"], tags = ["arithmetic"], retries = ["1s"])]
async fn add(a: i32, #[default(1)] b: i32) -> Result<i32, JobError> {
    Ok(a + b)
}

async fn store() -> Arc<dyn Store> {
    let url = "sqlite::memory:".parse().unwrap();
    let store = SqliteStore::open(&url).await.unwrap();
    store.migrate().await.unwrap();
    Arc::new(store)
}

fn edge(store: &Arc<dyn Store>, catalogue: Catalogue) -> Edge {
    Edge::new(
        store.clone(),
        Arc::new(catalogue),
        Arc::new(SystemClock::new()),
        Arc::new(Entropy::new()),
    )
    .unwrap()
}

async fn linked() -> (Arc<dyn Store>, Edge) {
    let store = store().await;
    let edge = edge(&store, Catalogue::linked().unwrap());
    (store, edge)
}

async fn stored(store: &Arc<dyn Store>) -> usize {
    let page = store.feed(FeedQuery::newest(1_000)).await.unwrap();
    page.executions.len()
}

fn now() -> Timestamp {
    SystemTime::now().into()
}

#[tokio::test]
async fn a_typed_enqueue_is_stored_with_its_policy() {
    let (store, edge) = linked().await;
    let execution = edge
        .client()
        .enqueue(Add::new(2))
        .priority(Priority::High)
        .tag("x")
        .await
        .unwrap();
    assert!(execution.triggered());
    let record = store.execution(execution.id()).await.unwrap().unwrap();
    assert_eq!(record.payload.get(), r#"{"a":2,"b":1}"#);
    assert_eq!(record.priority, 75);
    assert_eq!(record.tags, ["arithmetic", "x"]);
    assert_eq!(record.max_attempts, 2);
    assert_eq!(record.triggered_by, "code");
}

#[tokio::test]
async fn a_batch_names_the_payload_that_is_wrong() {
    let (store, edge) = linked().await;
    let request = |payload: &str| EnqueueRequest::new("add", payload.to_owned());
    let error = edge
        .enqueue(vec![request(r#"{"a":1}"#), request(r#"{"a":1.0}"#)])
        .await
        .unwrap_err();
    let EnqueueError::InvalidPayload { violations, .. } = error else {
        panic!("{error}");
    };
    assert_eq!(violations.0[0].pointer, "/1/a");
    let large = format!(r#"{{"a":1,"x":"{}"}}"#, "x".repeat(MAX_PAYLOAD_BYTES));
    let error = edge.enqueue(vec![request(&large)]).await.unwrap_err();
    assert!(matches!(error, EnqueueError::PayloadTooLarge { .. }));
    assert_eq!(stored(&store).await, 0);
}

#[tokio::test]
async fn a_program_without_jobs_serves_what_others_have_published() {
    let (store, worker) = linked().await;
    let control = edge(&store, Catalogue::default());
    worker.publish().await.unwrap();

    for id in ["add", "plus"] {
        let job = control.job(id).await.unwrap();
        assert_eq!(job.id(), "add");
        assert_eq!(job.descriptor().handler, HandlerKind::Absent);
    }
    assert_eq!(control.jobs().await.unwrap().len(), 1);
    let request = EnqueueRequest::new("plus", r#"{"a":1}"#.to_owned());
    let enqueued = control.enqueue(vec![request]).await.unwrap();
    let record = store.execution(enqueued[0].execution_id).await.unwrap();
    let record = record.unwrap();
    assert_eq!(record.job_id, "add");
    assert_eq!(record.payload.get(), r#"{"a":1,"b":1}"#);

    let error = control.job("ad").await.unwrap_err();
    assert_eq!(error.to_string(), "no job `ad`, did you mean `add`?");
}

#[tokio::test]
async fn a_linked_definition_wins_over_a_published_one() {
    let (store, edge) = linked().await;
    let mut descriptor = edge.job("add").await.unwrap().descriptor().clone();
    descriptor.payload_schema = json!({"type": "object", "required": ["c"]});
    publish(&store, descriptor).await;
    let request = EnqueueRequest::new("add", r#"{"a":1}"#.to_owned());
    edge.enqueue(vec![request]).await.unwrap();
    let jobs = edge.jobs().await.unwrap();
    assert_eq!(jobs[0].descriptor().handler, HandlerKind::Linked);
}

/// Claims everything that is ready and ends it.
async fn work(store: &Arc<dyn Store>, next: impl Fn(&Claimed) -> (AttemptOutcome, Next)) {
    let info = SessionInfo {
        worker: "test".to_owned(),
        opened_at: now(),
    };
    let session = store.open_session(info).await.unwrap();
    let claim = Claim {
        session,
        number: 1,
        job_ids: vec!["add".to_owned()],
        queues: Vec::new(),
        only: Vec::new(),
        limit: 1_000,
        now: now(),
    };
    let claimed = store.claim(claim).await.unwrap();
    let settlements = claimed.iter().map(|claimed| {
        let (outcome, next) = next(claimed);
        Settlement {
            fence: claimed.fence,
            execution_id: claimed.execution_id,
            end: AttemptEnd {
                outcome,
                error: (next == Next::Fail).then(|| ExecutionError {
                    kind: ErrorKind::Permanent,
                    message: "overflow".to_owned(),
                }),
                started_at: now(),
                finished_at: now(),
                progress: None,
            },
            next,
        }
    });
    let answers = store.settle(settlements.collect()).await.unwrap();
    assert!(answers.iter().all(|answer| *answer == Answer::Settled));
}

fn succeed(_: &Claimed) -> (AttemptOutcome, Next) {
    (AttemptOutcome::Succeeded, Next::Succeed("3".to_owned()))
}

#[tokio::test]
async fn results_are_awaited_by_many() {
    let (store, edge) = linked().await;
    let client = edge.client();
    let executions = client.enqueue_all((0..200).map(Add::new)).await.unwrap();
    let waiters: Vec<_> = executions
        .into_iter()
        .flat_map(|execution| {
            // Two for each: one more than the store's events can say.
            let again = client.execution::<Add>(execution.id());
            [execution, again]
        })
        .map(|execution| tokio::spawn(async move { execution.result().await }))
        .collect();
    tokio::task::yield_now().await;
    work(&store, succeed).await;
    for waiter in waiters {
        assert_eq!(waiter.await.unwrap().unwrap(), 3);
    }
}

#[tokio::test]
async fn the_next_waiter_takes_over_from_one_that_gives_up() {
    let (store, edge) = linked().await;
    let client = edge.client();
    let first = client.enqueue(Add::new(1)).await.unwrap();
    let second = client.enqueue(Add::new(2)).await.unwrap();
    let first = tokio::spawn(async move { first.result().await });
    tokio::task::yield_now().await;
    let second = tokio::spawn(async move { second.result().await });
    tokio::task::yield_now().await;
    first.abort();
    assert!(first.await.unwrap_err().is_cancelled());
    work(&store, succeed).await;
    assert_eq!(second.await.unwrap().unwrap(), 3);
}

#[tokio::test]
async fn every_ending_is_told() {
    let (store, edge) = linked().await;
    let client = edge.client();
    let failed = client.enqueue(Add::new(1)).await.unwrap();
    work(&store, |_| (AttemptOutcome::Failed, Next::Fail)).await;
    match failed.result().await.unwrap_err() {
        ResultError::Failed(error) => assert_eq!(error.message, "overflow"),
        other => panic!("{other}"),
    }
    let cancelled = client.enqueue(Add::new(1)).await.unwrap();
    edge.cancel(cancelled.id()).await.unwrap();
    let finished = edge.finished(cancelled.id()).await.unwrap();
    assert_eq!(finished, Finished::Cancelled);
    let nobody = ExecutionId::from_parts(SystemTime::now(), [7; 10]);
    let error = edge.finished(nobody).await.unwrap_err();
    assert!(matches!(error, ResultError::Unknown(id) if id == nobody));
}

/// Publishes a job as another program would.
async fn publish(store: &Arc<dyn Store>, descriptor: JobDescriptor) {
    let job = PublishedJob {
        fingerprint: job_fingerprint(&descriptor).unwrap(),
        descriptor,
        published_at: now().after(Duration::from_secs(1)),
    };
    store.publish(vec![job]).await.unwrap();
}

// ── Every mistake in payloads of generated schemas ──

/// A kind of value: its schema, a value that fits, one that does not.
#[derive(Clone, Debug)]
enum Shape {
    Leaf(Leaf),
    Nullable(Box<Shape>),
    List(Box<Shape>),
    Object(Object),
}

#[derive(Clone, Debug)]
struct Leaf {
    schema: Value,
    fits: Value,
    wrong: Value,
}

#[derive(Clone, Debug)]
struct Object {
    fields: Vec<(String, Shape, Presence)>,
    closed: bool,
}

#[derive(Clone, Copy, Debug, PartialEq)]
enum Presence {
    Required,
    Optional,
    Defaulted,
}

/// A change to a payload that is wrong at one place.
#[derive(Clone, Debug)]
enum Mistake {
    Replace(Value),
    Remove,
}

fn leaf() -> impl Strategy<Value = Leaf> {
    let of = |schema: Value, fits: Value, wrong: Value| Leaf {
        schema,
        fits,
        wrong,
    };
    let fixed = prop::sample::select(vec![
        of(json!({"type": "string"}), json!("é\u{0}"), json!(7)),
        of(json!({"type": "boolean"}), json!(true), json!("true")),
        of(
            json!({"type": "string", "format": "uuid"}),
            json!("123e4567-e89b-12d3-a456-426614174000"),
            json!("123"),
        ),
        of(
            json!({"type": "string", "format": "date-time"}),
            json!("2030-01-31T12:00:00Z"),
            json!("2030-13-31T12:00:00Z"),
        ),
        of(
            json!({"type": "string", "format": "date"}),
            json!("2030-01-31"),
            json!("31.1.2030"),
        ),
        of(
            json!({"type": "string", "format": "email"}),
            json!("a@example.org"),
            json!("a"),
        ),
        of(
            json!({"type": "string", "format": "ip"}),
            json!("::1"),
            json!("::1::"),
        ),
        of(
            json!({"type": "string", "format": "uri"}),
            json!("https://example.org"),
            json!("no uri"),
        ),
        of(
            json!({"type": "integer", "format": "int32"}),
            json!(-5),
            json!(3_000_000_000_u64),
        ),
        of(
            json!({"type": "integer", "format": "uint64", "minimum": 0}),
            json!(u64::MAX),
            json!(-1),
        ),
        of(
            json!({"type": "integer", "format": "int64"}),
            json!(i64::MIN),
            json!(2.0),
        ),
        of(
            json!({"type": "integer", "format": "uint8", "minimum": 0, "maximum": 255}),
            json!(255),
            json!(256),
        ),
        of(
            json!({"type": "number", "format": "double"}),
            json!(1.5),
            json!("1.5"),
        ),
        of(
            json!({"type": ["string", "null"], "maxLength": 3}),
            json!(null),
            json!("four"),
        ),
        of(json!({"enum": ["a", "b", 3]}), json!("b"), json!("c")),
        of(
            json!({"oneOf": [{"const": "x", "type": "string"}, {"const": "y", "type": "string"}]}),
            json!("y"),
            json!("z"),
        ),
        of(
            json!({"type": "string", "pattern": "^[a-z]+$"}),
            json!("abc"),
            json!("ABC"),
        ),
        of(
            json!({"type": "array", "items": {"type": "integer"}, "uniqueItems": true}),
            json!([1, 2]),
            json!([1, 1]),
        ),
        of(
            json!({"type": "object", "additionalProperties": {"type": "integer"}, "minProperties": 1}),
            json!({"k": 1}),
            json!({}),
        ),
    ]);
    let bounded = (-1_000_i64..1_000, 0_i64..100).prop_map(move |(low, span)| Leaf {
        schema: json!({"type": "integer", "minimum": low, "exclusiveMaximum": low + span + 1}),
        fits: json!(low + span),
        wrong: json!(low + span + 1),
    });
    let sized = (1_usize..5).prop_map(|size| Leaf {
        schema: json!({"type": "string", "minLength": size, "maxLength": size}),
        fits: json!("ü".repeat(size)),
        wrong: json!("ü".repeat(size - 1)),
    });
    prop_oneof![4 => fixed, 1 => bounded, 1 => sized]
}

fn object(shape: impl Strategy<Value = Shape> + 'static) -> impl Strategy<Value = Object> {
    let presence = prop::sample::select(vec![
        Presence::Required,
        Presence::Required,
        Presence::Optional,
        Presence::Defaulted,
    ]);
    let fields = prop::collection::btree_map("[a-e/~é ]{1,4}", (shape, presence), 1..5);
    (fields, any::<bool>()).prop_map(|(fields, closed)| Object {
        fields: fields
            .into_iter()
            .map(|(name, (shape, presence))| (name, shape, presence))
            .collect(),
        closed,
    })
}

/// An object with at least three places to be wrong at.
fn root() -> impl Strategy<Value = Object> {
    let shape = leaf()
        .prop_map(Shape::Leaf)
        .prop_recursive(3, 24, 4, |inner| {
            prop_oneof![
                inner.clone().prop_map(|inner| Shape::List(Box::new(inner))),
                object(inner.clone()).prop_map(Shape::Object),
                object(inner).prop_map(|object| Shape::Nullable(Box::new(Shape::Object(object)))),
            ]
        });
    (object(shape), prop::collection::vec(leaf(), 3..5)).prop_map(|(mut root, leaves)| {
        for (n, leaf) in leaves.into_iter().enumerate() {
            root.fields
                .push((format!("leaf{n}"), Shape::Leaf(leaf), Presence::Required));
        }
        root
    })
}

impl Shape {
    fn schema(&self, defs: &mut Map<String, Value>) -> Value {
        match self {
            Self::Leaf(leaf) => leaf.schema.clone(),
            // As schemars writes an `Option` of a struct.
            Self::Nullable(inner) => {
                let name = format!("T{}", defs.len());
                defs.insert(name.clone(), Value::Null);
                let schema = inner.schema(defs);
                defs.insert(name.clone(), schema);
                json!({"anyOf": [{"$ref": format!("#/$defs/{name}")}, {"type": "null"}]})
            }
            Self::List(item) => json!({"type": "array", "items": item.schema(defs)}),
            Self::Object(object) => object.schema(defs),
        }
    }

    fn value(&self) -> Value {
        match self {
            Self::Leaf(leaf) => leaf.fits.clone(),
            Self::Nullable(inner) => inner.value(),
            Self::List(item) => json!([item.value(), item.value()]),
            Self::Object(object) => object.value(),
        }
    }

    fn mistakes(&self, place: &str, found: &mut Vec<(String, Mistake)>) {
        match self {
            Self::Leaf(leaf) => {
                found.push((place.to_owned(), Mistake::Replace(leaf.wrong.clone())));
            }
            Self::Nullable(inner) => inner.mistakes(place, found),
            Self::List(item) => {
                for index in 0..2 {
                    item.mistakes(&format!("{place}/{index}"), found);
                }
            }
            Self::Object(object) => object.mistakes(place, found),
        }
    }
}

impl Object {
    fn schema(&self, defs: &mut Map<String, Value>) -> Value {
        let mut properties = Map::new();
        let mut required = Vec::new();
        for (name, shape, presence) in &self.fields {
            let mut schema = shape.schema(defs);
            match presence {
                Presence::Required => required.push(name),
                Presence::Optional => {}
                Presence::Defaulted => schema["default"] = shape.value(),
            }
            properties.insert(name.clone(), schema);
        }
        let mut schema = json!({"type": "object", "properties": properties, "required": required});
        if self.closed {
            schema["additionalProperties"] = json!(false);
        }
        schema
    }

    fn value(&self) -> Value {
        let fields = self.fields.iter();
        Value::Object(
            fields
                .map(|(name, shape, _)| (name.clone(), shape.value()))
                .collect(),
        )
    }

    fn mistakes(&self, place: &str, found: &mut Vec<(String, Mistake)>) {
        for (name, shape, presence) in &self.fields {
            let place = format!("{place}/{}", name.replace('~', "~0").replace('/', "~1"));
            match shape {
                Shape::Leaf(_) if *presence == Presence::Required && name.len() % 2 == 0 => {
                    found.push((place, Mistake::Remove));
                }
                shape => shape.mistakes(&place, found),
            }
        }
        if self.closed {
            found.push((
                format!("{place}/zzz"),
                Mistake::Replace(json!("not asked for")),
            ));
        }
    }
}

fn make(payload: &mut Value, pointer: &str, mistake: Mistake) {
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
    let edge = edge(&store, Catalogue::default());
    let request = |payload: &Value| EnqueueRequest::new("generated", payload.to_string());

    // A payload that fits is stored, completed by what it leaves out.
    let full = root.value();
    let mut sent = full.clone();
    for (name, _, presence) in &root.fields {
        if *presence == Presence::Defaulted {
            sent.as_object_mut().unwrap().remove(name);
        }
    }
    let enqueued = edge.enqueue(vec![request(&sent)]).await;
    let id =
        enqueued.map_err(|error| TestCaseError::fail(format!("{sent}: {error}")))?[0].execution_id;
    let record = store.execution(id).await.unwrap().unwrap();
    let kept: Value = serde_json::from_str(record.payload.get()).unwrap();
    prop_assert_eq!(kept, full.clone());

    // At least three mistakes at distinct places.
    let mut all = Vec::new();
    root.mistakes("", &mut all);
    let mut wrong = full;
    let mut expected = BTreeSet::new();
    for pick in picks {
        if all.is_empty() {
            break;
        }
        let (pointer, mistake) = all.swap_remove(pick.index(all.len()));
        make(&mut wrong, &pointer, mistake);
        expected.insert(pointer);
    }
    prop_assert!(expected.len() >= 3);
    let error = edge.enqueue(vec![request(&wrong)]).await.unwrap_err();
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
    fn three_mistakes_have_three_pointers_whatever_the_schema(
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
