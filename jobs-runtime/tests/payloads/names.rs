//! Jobs at the edge: names under which fields are sent, refusals, defaults.

use std::sync::Arc;

use jobs::runtime::EnqueueRequest;
use jobs::{Catalogue, EnqueueError, Job, JobDefinition, JobError, Violation, job};
use jobs_runtime::store::SetupStore;
use jobs_runtime::store::Store;
use jobs_runtime::store::sqlite::SqliteStore;
use jobs_runtime::{Entropy, JobService, SystemClock};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

#[job(id = "names.resize", unique(by = ["width"]))]
async fn resize(
    #[serde(alias = "old_width")]
    #[default(7)]
    width: u8,
    #[serde(alias = "kind")] mode: Option<Mode>,
) -> Result<u8, JobError> {
    let _ = mode;
    Ok(width)
}

#[derive(Debug, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
enum Mode {
    #[serde(alias = "quick")]
    Fast,
    #[serde(other)]
    Unknown,
}

/// The message of the crate `url`, which quotes the link.
const LINK: &str = "is refused: invalid port number: \"•••\"";

struct Edge {
    store: Arc<dyn Store>,
    service: JobService,
}

impl Edge {
    async fn of(definition: &'static JobDefinition) -> Self {
        let url = "sqlite::memory:".parse().unwrap();
        let store = SqliteStore::open(&url).await.unwrap();
        store.migrate().await.unwrap();
        let store: Arc<dyn Store> = Arc::new(store);
        let service = service(&store, definition).unwrap();
        Self { store, service }
    }

    async fn enqueue<J: Job>(&self, payload: &str) -> Result<String, Vec<(String, String)>> {
        let request = EnqueueRequest::new(J::ID, payload.to_owned());
        match self.service.enqueue(vec![request]).await {
            Ok(enqueued) => {
                let record = self.store.execution(enqueued[0].execution_id).await;
                Ok(record.unwrap().unwrap().payload.get().to_owned())
            }
            Err(EnqueueError::InvalidPayload { violations, .. }) => {
                let violations = violations.0.into_iter();
                let pair = |Violation { pointer, message }| (pointer, message);
                Err(violations.map(pair).collect())
            }
            Err(error) => panic!("{payload}: {error}"),
        }
    }
}

fn service(
    store: &Arc<dyn Store>,
    definition: &'static JobDefinition,
) -> Result<JobService, jobs_runtime::SchemaError> {
    let catalogue = Catalogue::of([definition]).unwrap_or_else(|error| panic!("{error}"));
    JobService::new(
        Arc::clone(store),
        Arc::new(catalogue),
        Arc::new(SystemClock::new()),
        Arc::new(Entropy::new()),
    )
}

#[tokio::test]
async fn aliases_become_the_names_before_defaults_and_keys() {
    let edge = Edge::of(Resize::definition()).await;
    for (sent, stored) in [
        (r#"{"width":1}"#, r#"{"width":1}"#),
        (r#"{"old_width":2}"#, r#"{"width":2}"#),
        (
            r#"{"old_width":3,"kind":"fast"}"#,
            r#"{"width":3,"mode":"fast"}"#,
        ),
        (
            r#"{"width":4,"mode":"slow"}"#,
            r#"{"width":4,"mode":"unknown"}"#,
        ),
        (r#"{"kind":"fast"}"#, r#"{"mode":"fast","width":7}"#),
        (r#"{"width":5,"extra":1.50}"#, r#"{"width":5,"extra":1.50}"#),
    ] {
        assert_eq!(
            edge.enqueue::<Resize>(sent).await.as_deref(),
            Ok(stored),
            "{sent}"
        );
    }
    // The unique key of an alias is that of the name: the waiting execution answers.
    let again = edge.enqueue::<Resize>(r#"{"old_width":1}"#).await;
    assert_eq!(again.as_deref(), Ok(r#"{"width":1}"#));
    let refused = edge.enqueue::<Resize>(r#"{"old_width":1,"width":2}"#).await;
    let refused = refused.unwrap_err();
    assert_eq!(refused[0].1, "is given more than once", "{refused:?}");
}

#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(try_from = "u8", into = "u8")]
struct Percent(u8);

impl TryFrom<u8> for Percent {
    type Error = String;

    fn try_from(value: u8) -> Result<Self, String> {
        match value {
            0..=100 => Ok(Self(value)),
            200 => panic!("two hundred"),
            _ => Err(format!("{value} is more than 100 percent")),
        }
    }
}

impl From<Percent> for u8 {
    fn from(percent: Percent) -> Self {
        percent.0
    }
}

#[derive(Debug, Serialize, Deserialize, JsonSchema)]
struct Mix {
    parts: Vec<Percent>,
    account: u128,
    #[serde(flatten)]
    size: Size,
}

#[derive(Debug, Serialize, Deserialize, JsonSchema)]
struct Size {
    width: u16,
}

#[job(id = "names.mix")]
async fn blend(
    name: String,
    mix: Mix,
    link: url::Url,
    #[schemars(range(max = 10))] copies: u8,
) -> Result<(), JobError> {
    let _ = (name, mix, link, copies);
    Ok(())
}

#[tokio::test]
async fn a_refusal_of_the_deserialiser_has_a_pointer_and_quotes_nothing() {
    let edge = Edge::of(Blend::definition()).await;
    let refused = async |mix: &str, link: &str| {
        let payload = format!(
            "{{\n \"name\": \"ä\",\n \"mix\": {mix},\n \"link\": \"{link}\", \"copies\": 1}}"
        );
        let mut violations = edge.enqueue::<Blend>(&payload).await.unwrap_err();
        assert_eq!(violations.len(), 1, "{violations:?}");
        violations.remove(0)
    };
    let good = "https://example.org/";
    let check = async |mix: &str, link: &str, pointer: &str, message: &str| {
        let (found, text) = refused(mix, link).await;
        assert_eq!((found.as_str(), text.as_str()), (pointer, message), "{mix}");
    };
    let percent = "is refused: ••• is more than 100 percent";
    check(
        r#"{"parts": [1, 101 ], "account": 1, "width": 1}"#,
        good,
        "/mix/parts/1",
        percent,
    )
    .await;
    check(
        r#"{"account": 1, "width": 1, "parts": [101]}"#,
        good,
        "/mix/parts/0",
        percent,
    )
    .await;
    let panics = "makes the deserialiser of the job panic";
    check(
        r#"{"account": 1, "width": 1, "parts": [200]}"#,
        good,
        "",
        panics,
    )
    .await;
    check(
        r#"{"parts": [], "account": 340282366920938463463374607431768211456, "width": 1}"#,
        good,
        "/mix/account",
        "is out of range",
    )
    .await;
    let mix = r#"{"parts": [], "account": 1, "width": 1}"#;
    check(mix, "https://example.org:99999/", "/link", LINK).await;
    // The rules of the schema still hold, and all of their mistakes are told.
    let payload = format!(r#"{{"name": 1, "mix": {mix}, "link": "{good}", "copies": 11}}"#);
    let violations = edge.enqueue::<Blend>(&payload).await.unwrap_err();
    let pointers: Vec<&str> = violations
        .iter()
        .map(|(pointer, _)| pointer.as_str())
        .collect();
    assert_eq!(pointers, ["/copies", "/name"]);
}

#[job(id = "names.zero")]
async fn zero(
    #[default(0)]
    #[schemars(range(min = 1))]
    copies: u8,
) -> Result<u8, JobError> {
    Ok(copies)
}

#[job(id = "names.nan")]
async fn not_a_number(#[default(f64::NAN)] size: f64) -> Result<f64, JobError> {
    Ok(size)
}

#[tokio::test]
async fn a_default_that_breaks_a_rule_fails_the_start_and_is_named() {
    let edge = Edge::of(Resize::definition()).await;
    for (definition, parts) in [
        (
            Zero::definition(),
            ["`names.zero`", "/copies: must be at least 1"],
        ),
        (
            NotANumber::definition(),
            ["`names.nan`", "/size: must be a number"],
        ),
    ] {
        let error = service(&edge.store, definition).err().unwrap().to_string();
        for part in parts {
            assert!(error.contains(part), "no {part} in: {error}");
        }
    }
}

/// The check of a payload runs on the caller's thread, so a large batch must stay fast.
#[tokio::test]
async fn a_batch_of_ten_thousand_is_read_and_stored() {
    let edge = Edge::of(Blend::definition()).await;
    let payload = |n: u32| {
        let mix = r#"{"parts": [1, 2, 3], "account": 1, "width": 1}"#;
        let link = "https://example.org/";
        format!(r#"{{"name": "{n}", "mix": {mix}, "link": "{link}", "copies": 1}}"#)
    };
    let requests = (0..10_000).map(|n| EnqueueRequest::new(Blend::ID, payload(n)));
    let mut requests: Vec<_> = requests.collect();
    let enqueued = edge.service.enqueue(requests.clone()).await.unwrap();
    assert_eq!(enqueued.len(), 10_000);
    // All or none.
    requests[9_999].payload = payload(1).replace("[1, 2, 3]", "[101]");
    let error = edge
        .service
        .enqueue(requests)
        .await
        .unwrap_err()
        .to_string();
    assert!(error.contains("/9999/mix/parts/0"), "{error}");
}
