//! Rows of the table, and the edge that they are tried on.

use std::fmt::Debug;
use std::sync::Arc;

use jobs::runtime::{EnqueueRequest, Handler};
use jobs::{Catalogue, EnqueueError, Job, JobDefinition, Source};
use jobs_runtime::store::sqlite::SqliteStore;
use jobs_runtime::store::{SetupStore, Store};
use jobs_runtime::{Entropy, JobService, SystemClock};
use schemars::JsonSchema;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use crate::texts;

/// Payloads that the edge refuses although the deserialiser reads them: the reason, the number of
/// such texts in the table, and whether a refusal is for this reason.
pub(crate) struct Reason {
    pub(crate) text: &'static str,
    pub(crate) count: usize,
    applies: fn(&str, &str) -> bool,
}

/// Everything in which the edge is stricter than a handler.
pub(crate) const STRICTER: [Reason; 7] = [
    Reason {
        text: "a former name beside an unknown member",
        count: 1,
        applies: |text, error| text.contains(r#""x":2"#) && error.contains("is required"),
    },
    Reason {
        text: "a list in the place of an object, or an object in the place of a unit variant",
        count: 39,
        applies: |text, error| {
            let form = text.contains(":[") || text.contains(r#":{"unit":null}"#);
            let form = form || text.contains(r#":{"fast":null}"#) || text.starts_with('[');
            form && (error.contains("must be an object")
                || error.contains("shape")
                || error.contains("must be one of"))
        },
    },
    Reason {
        text: "a format that the schema names",
        count: 3,
        applies: |_, error| {
            let formats = ["duration like", "e-mail address", "a URI"];
            formats.iter().any(|format| error.contains(format))
        },
    },
    Reason {
        text: "a rule that the schema adds to the type",
        count: 9,
        applies: |_, error| {
            let rules = [
                "must be at most",
                "must be at least",
                "must have at ",
                "must match the pattern",
                "must not be empty",
                "must not repeat",
            ];
            rules.iter().any(|rule| error.contains(rule))
        },
    },
    Reason {
        text: "a key that is given twice",
        count: 10,
        applies: |_, error| error.contains("more than once"),
    },
    Reason {
        text: "a number beyond every type",
        count: 6,
        applies: |text, error| text.contains("1e400") && error.contains("out of range"),
    },
    Reason {
        text: "a value that a deserialiser of the application converts",
        count: 2,
        applies: |text, _| text == r#"{"a":null}"# || text == r#"{"a":"1"}"#,
    },
];

/// A payload type with texts and values for it.
pub(crate) struct Row {
    pub(crate) name: &'static str,
    pub(crate) definition: &'static JobDefinition,
    /// The deserialiser that the handler reads a stored payload with.
    pub(crate) read: fn(&str) -> bool,
    /// Values that the typed client sends, as it writes them.
    pub(crate) values: Vec<String>,
    texts: &'static [&'static str],
    is_whole: bool,
}

impl Row {
    /// A payload with one field of type `T`.
    pub(crate) fn field<T: Field>(values: Vec<T>, texts: &'static [&'static str]) -> Self {
        Self::new::<Case<T>>(values.into_iter().map(|value| Case { value }), texts, false)
    }

    /// A payload that is a `T` as a whole. The texts are whole payloads.
    pub(crate) fn whole<T: Field>(values: Vec<T>, texts: &'static [&'static str]) -> Self {
        Self::new::<Whole<T>>(values.into_iter().map(Whole), texts, true)
    }

    fn new<J: Job + Debug>(
        values: impl Iterator<Item = J>,
        texts: &'static [&'static str],
        is_whole: bool,
    ) -> Self {
        Self {
            name: std::any::type_name::<J>(),
            definition: J::DEFINITION,
            read: |text| serde_json::from_str::<J>(text).is_ok(),
            values: values
                .map(|value| serde_json::to_string(&value).unwrap())
                .collect(),
            texts,
            is_whole,
        }
    }

    /// The texts of every row, and those of this one.
    pub(crate) fn texts(&self) -> impl Iterator<Item = String> {
        let own = self.texts.iter().copied();
        let all = texts::ALL.iter().copied().chain(own);
        let fields = all.map(|text| format!(r#"{{"value":{text}}}"#));
        let wholes = self.texts.iter().map(|text| (*text).to_owned());
        let others = texts::WHOLE.iter().map(|text| (*text).to_owned());
        let own: Vec<_> = if self.is_whole {
            wholes.collect()
        } else {
            Vec::new()
        };
        fields.chain(others).chain(own)
    }

    /// The reason for which the edge may refuse what the deserialiser reads.
    pub(crate) fn reason_for_refusing(
        &self,
        text: &str,
        error: &EnqueueError,
    ) -> Option<&'static str> {
        let error = error.to_string();
        let mut reasons = STRICTER.iter();
        let reason = reasons.find(|reason| (reason.applies)(text, &error));
        reason.map(|reason| reason.text)
    }
}

/// The type of a payload's field.
pub(crate) trait Field:
    Serialize + DeserializeOwned + JsonSchema + Debug + Send + 'static
{
}

impl<T: Serialize + DeserializeOwned + JsonSchema + Debug + Send + 'static> Field for T {}

#[derive(Debug, Serialize, Deserialize, JsonSchema)]
#[serde(bound = "T: Field")]
struct Case<T> {
    value: T,
}

#[derive(Debug, Serialize, Deserialize, JsonSchema)]
#[serde(transparent, bound = "T: Field")]
struct Whole<T>(T);

const SOURCE: Source = Source {
    module: "payloads",
    line: 1,
};

impl<T: Field> Job for Case<T> {
    const ID: &'static str = "case";
    type Output = ();
    const DEFINITION: &'static JobDefinition =
        &JobDefinition::new::<Self>(SOURCE, Handler::External);
}

impl<T: Field> Job for Whole<T> {
    const ID: &'static str = "case";
    type Output = ();
    const DEFINITION: &'static JobDefinition =
        &JobDefinition::new::<Self>(SOURCE, Handler::External);
}

/// The service of a program that links one job, over a store in memory.
pub(crate) struct Edge {
    store: Arc<dyn Store>,
}

impl Edge {
    pub(crate) async fn open() -> Self {
        let url = "sqlite::memory:".parse().unwrap();
        let store = SqliteStore::open(&url).await.unwrap();
        store.migrate().await.unwrap();
        Self {
            store: Arc::new(store),
        }
    }

    pub(crate) fn service(&self, definition: &'static JobDefinition) -> JobService {
        let catalogue = Catalogue::of([definition]).unwrap_or_else(|error| panic!("{error}"));
        JobService::new(
            Arc::clone(&self.store),
            Arc::new(catalogue),
            Arc::new(SystemClock::new()),
            Arc::new(Entropy::new()),
        )
        .unwrap()
    }

    /// Enqueues a payload and returns the stored text.
    pub(crate) async fn enqueue(
        &self,
        service: &JobService,
        payload: &str,
    ) -> Result<String, EnqueueError> {
        let request = EnqueueRequest::new("case", payload.to_owned());
        let enqueued = service.enqueue(vec![request]).await?;
        let record = self.store.execution(enqueued[0].execution_id).await;
        Ok(record.unwrap().unwrap().payload.get().to_owned())
    }
}
