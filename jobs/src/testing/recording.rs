//! A client that records enqueues instead of storing them.

use std::borrow::Cow;
use std::collections::{HashMap, VecDeque};
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, UNIX_EPOCH};

use serde_json::Value;

use crate::client::{Backend, EnqueueRequest, Enqueued, Finished};
use crate::{
    BoxFuture, Client, EnqueueError, ExecutionId, Job, JobDefinition, ResultError, Violation,
    Violations,
};

/// Records enqueues, and returns scripted results. Clones share the record.
///
/// An enqueue is rejected, as by a runtime, if
///
/// * the job is unknown or disabled,
/// * the payload changes when it is deserialised and serialised again,
/// * the idempotency key was used with another payload.
///
/// Rules of the schema, such as `#[schemars(email)]`, are not checked.
///
/// ```
/// use jobs::testing::{RecordingClient, block_on};
/// use jobs::{JobError, job};
///
/// #[job(id = "sums.add")]
/// async fn add(a: i64, b: i64) -> Result<i64, JobError> {
///     Ok(a + b)
/// }
///
/// let recording = RecordingClient::new();
/// recording.answer(|sum: Add| Ok(sum.a + sum.b));
///
/// let jobs = recording.client();
/// let execution = block_on(async { jobs.enqueue(Add::new(2, 3)).await }).unwrap();
/// assert_eq!(block_on(execution.result()).unwrap(), 5);
/// ```
#[derive(Clone, Default)]
pub struct RecordingClient(Arc<Recording>);

#[derive(Default)]
struct Recording {
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    executions: Vec<(ExecutionId, EnqueueRequest)>,
    /// The number of executions that were removed: an id is given once.
    cleared: usize,
    errors: VecDeque<EnqueueError>,
    scripts: HashMap<&'static str, Script>,
}

type Script = Arc<dyn Fn(&str) -> Result<Finished, ResultError> + Send + Sync>;

/// A recorded enqueue.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Recorded<J> {
    /// The payload, deserialised from its JSON text.
    pub payload: J,
    /// The request: the options, and the payload as JSON text.
    pub request: EnqueueRequest,
    /// The execution's id, assigned by the recording.
    pub execution_id: ExecutionId,
}

impl RecordingClient {
    /// Creates an empty record.
    pub fn new() -> Self {
        Self::default()
    }

    /// Creates a client for the code under test.
    pub fn client(&self) -> Client {
        Client::new(Arc::clone(&self.0) as Arc<dyn Backend>)
    }

    /// The recorded executions of one job, in order.
    pub fn enqueued<J: Job>(&self) -> Vec<Recorded<J>> {
        let recorded = |(execution_id, request): (ExecutionId, EnqueueRequest)| Recorded {
            payload: serde_json::from_str(&request.payload)
                .expect("a recorded payload is readable"),
            request,
            execution_id,
        };
        let all = self.all().into_iter();
        all.filter(|(_, request)| request.job_id == J::ID)
            .map(recorded)
            .collect()
    }

    /// Every recorded execution, in order.
    pub fn all(&self) -> Vec<(ExecutionId, EnqueueRequest)> {
        self.0.lock().executions.clone()
    }

    /// Removes all recorded executions. Scripted results and errors stay.
    pub fn clear(&self) {
        let mut state = self.0.lock();
        state.cleared += state.executions.len();
        state.executions.clear();
    }

    /// Scripts the results of a job: `answer` computes each result from the payload.
    pub fn answer<J: Job>(
        &self,
        answer: impl Fn(J) -> Result<J::Output, ResultError> + Send + Sync + 'static,
    ) {
        let answer = move |payload: &str| {
            let result = answer(serde_json::from_str(payload)?)?;
            Ok(Finished::Succeeded(serde_json::to_string(&result)?))
        };
        self.0.lock().scripts.insert(J::ID, Arc::new(answer));
    }

    /// Makes the next enqueue fail with this error. Several errors apply to one enqueue each, in
    /// order.
    pub fn refuse(&self, error: EnqueueError) {
        self.0.lock().errors.push_back(error);
    }
}

/// Collects enqueues that were recorded elsewhere, for the assertions.
impl FromIterator<(ExecutionId, EnqueueRequest)> for RecordingClient {
    fn from_iter<I: IntoIterator<Item = (ExecutionId, EnqueueRequest)>>(executions: I) -> Self {
        let recording = Self::new();
        recording.0.lock().executions.extend(executions);
        recording
    }
}

impl AsRef<Self> for RecordingClient {
    fn as_ref(&self) -> &Self {
        self
    }
}

impl fmt::Debug for RecordingClient {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("RecordingClient").field(&self.all()).finish()
    }
}

impl Recording {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn record(&self, requests: Vec<EnqueueRequest>) -> Result<Vec<Enqueued>, EnqueueError> {
        let mut state = self.lock();
        if let Some(error) = state.errors.pop_front() {
            return Err(error);
        }
        // All or nothing: every request is checked before any is recorded.
        let mut new: Vec<(ExecutionId, EnqueueRequest)> = Vec::new();
        let mut answers = Vec::new();
        for mut request in requests {
            request.job_id = Cow::Borrowed(check(&request)?);
            let earlier = state.executions.iter().chain(&new);
            let (execution_id, triggered) = match find_by_key(earlier, &request)? {
                Some(execution_id) => (execution_id, false),
                None => {
                    let id = nth_id(state.cleared + state.executions.len() + new.len());
                    new.push((id, request));
                    (id, true)
                }
            };
            answers.push(Enqueued {
                execution_id,
                triggered,
            });
        }
        state.executions.append(&mut new);
        Ok(answers)
    }

    fn scripted_result(&self, id: ExecutionId) -> Result<Finished, ResultError> {
        let state = self.lock();
        let mut executions = state.executions.iter();
        let (_, request) = executions
            .find(|(known, _)| *known == id)
            .ok_or(ResultError::Unknown(id))?;
        let Some(script) = state.scripts.get(&*request.job_id).cloned() else {
            let message = format!(
                "job `{}` has no scripted result: call `RecordingClient::answer`",
                request.job_id
            );
            return Err(ResultError::Store(message.into()));
        };
        let payload = request.payload.clone();
        // A script may read the recording.
        drop(state);
        script(&payload)
    }
}

impl Backend for Recording {
    fn enqueue(
        &self,
        requests: Vec<EnqueueRequest>,
    ) -> BoxFuture<'_, Result<Vec<Enqueued>, EnqueueError>> {
        Box::pin(std::future::ready(self.record(requests)))
    }

    fn finished(&self, id: ExecutionId) -> BoxFuture<'_, Result<Finished, ResultError>> {
        Box::pin(std::future::ready(self.scripted_result(id)))
    }
}

/// Returns the id of the requested job, or the error with which a runtime rejects the request.
fn check(request: &EnqueueRequest) -> Result<&'static str, EnqueueError> {
    let mut linked = inventory::iter::<&'static JobDefinition>.into_iter();
    let job_id = &request.job_id;
    let job = linked
        .find(|job| job.id == job_id || job.aliases.contains(&&**job_id))
        .ok_or_else(|| EnqueueError::UnknownJob {
            job_id: job_id.to_string(),
            near: Vec::new(),
        })?;
    if !job.enabled {
        return Err(EnqueueError::Disabled {
            job_id: job_id.to_string(),
        });
    }
    let invalid = |message| EnqueueError::InvalidPayload {
        job_id: job_id.to_string(),
        violations: Violations(vec![Violation {
            pointer: String::new(),
            message,
        }]),
    };
    let again =
        (job.reader.rewrite)(&request.payload).map_err(|error| invalid(error.to_string()))?;
    if parse(&again).map(sorted) == parse(&request.payload).map(sorted) {
        Ok(job.id)
    } else {
        Err(invalid(format!(
            "it changes when it is deserialised and serialised again: {again} instead of {}",
            request.payload
        )))
    }
}

fn parse(text: &str) -> Option<Value> {
    serde_json::from_str(text).ok()
}

/// The value with its arrays in an order of their own: a set is written in any order.
fn sorted(value: Value) -> Value {
    match value {
        Value::Array(items) => {
            let mut items: Vec<_> = items.into_iter().map(sorted).collect();
            items.sort_by_cached_key(ToString::to_string);
            Value::Array(items)
        }
        Value::Object(members) => {
            let members = members.into_iter();
            Value::Object(members.map(|(name, value)| (name, sorted(value))).collect())
        }
        value => value,
    }
}

/// Finds the execution that was enqueued with the same idempotency key.
fn find_by_key<'a>(
    mut earlier: impl Iterator<Item = &'a (ExecutionId, EnqueueRequest)>,
    request: &EnqueueRequest,
) -> Result<Option<ExecutionId>, EnqueueError> {
    let Some(key) = &request.idempotency_key else {
        return Ok(None);
    };
    let same = earlier.find(|(_, earlier)| {
        earlier.job_id == request.job_id && earlier.idempotency_key.as_ref() == Some(key)
    });
    match same {
        Some((id, earlier)) if parse(&earlier.payload) == parse(&request.payload) => Ok(Some(*id)),
        Some((id, _)) => Err(EnqueueError::IdempotencyConflict {
            job_id: request.job_id.to_string(),
            key: key.clone(),
            execution_id: *id,
        }),
        None => Ok(None),
    }
}

/// The id of the n-th recorded execution, which is the same in every run.
fn nth_id(n: usize) -> ExecutionId {
    let n = u64::try_from(n).unwrap_or(u64::MAX).saturating_add(1);
    ExecutionId::from_parts(UNIX_EPOCH + Duration::from_millis(n), [0; 10])
}
