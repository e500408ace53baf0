//! A store that only remembers.

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

/// Records what is enqueued, and answers with scripted results. Clones share the record.
///
/// What a runtime refuses without looking at values is refused here, too: unknown and disabled
/// jobs, payloads that cannot be read again, a second use of an idempotency key for another
/// payload. A schema's own rules (`#[schemars(email)]`) are for a real runtime to judge.
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
    refusals: VecDeque<EnqueueError>,
    answers: HashMap<&'static str, Answer>,
}

type Answer = Arc<dyn Fn(&str) -> Result<Finished, ResultError> + Send + Sync>;

/// An enqueue that was recorded.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Recorded<J> {
    /// What was enqueued, read back from its JSON.
    pub payload: J,
    /// The request: options, and the payload as JSON text.
    pub request: EnqueueRequest,
    /// The name that the recording gave it.
    pub execution_id: ExecutionId,
}

impl RecordingClient {
    /// An empty record.
    pub fn new() -> Self {
        Self::default()
    }

    /// A client for the code under test.
    pub fn client(&self) -> Client {
        Client::new(Arc::clone(&self.0) as Arc<dyn Backend>)
    }

    /// The executions of one job, in the order of their enqueues.
    pub fn enqueued<J: Job>(&self) -> Vec<Recorded<J>> {
        let recorded = |(execution_id, request): (ExecutionId, EnqueueRequest)| Recorded {
            payload: serde_json::from_str(&request.payload)
                .expect("payloads that cannot be read are not recorded"),
            request,
            execution_id,
        };
        let all = self.all().into_iter();
        all.filter(|(_, request)| request.job_id == J::ID)
            .map(recorded)
            .collect()
    }

    /// Every execution, in the order of the enqueues.
    pub fn all(&self) -> Vec<(ExecutionId, EnqueueRequest)> {
        self.0.lock().executions.clone()
    }

    /// Forgets what was enqueued. Scripts stay.
    pub fn clear(&self) {
        self.0.lock().executions.clear();
    }

    /// Scripts the results of a job: whoever awaits one gets what `answer` makes of the payload.
    pub fn answer<J: Job>(
        &self,
        answer: impl Fn(J) -> Result<J::Output, ResultError> + Send + Sync + 'static,
    ) {
        let answer = move |payload: &str| {
            let result = answer(serde_json::from_str(payload)?)?;
            Ok(Finished::Succeeded(serde_json::to_string(&result)?))
        };
        self.0.lock().answers.insert(J::ID, Arc::new(answer));
    }

    /// Lets the next enqueue fail with this error; of several, each is used once, in order.
    pub fn refuse(&self, error: EnqueueError) {
        self.0.lock().refusals.push_back(error);
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

    fn take(&self, requests: Vec<EnqueueRequest>) -> Result<Vec<Enqueued>, EnqueueError> {
        let mut state = self.lock();
        if let Some(error) = state.refusals.pop_front() {
            return Err(error);
        }
        // All or nothing: every request is judged before any is recorded.
        let mut taken: Vec<(ExecutionId, EnqueueRequest)> = Vec::new();
        let mut answers = Vec::new();
        for mut request in requests {
            request.job_id = Cow::Borrowed(judge(&request)?);
            let earlier = state.executions.iter().chain(&taken);
            let execution_id = match same_key(earlier, &request)? {
                Some(execution_id) => execution_id,
                None => {
                    let id = nth_id(state.executions.len() + taken.len());
                    taken.push((id, request));
                    id
                }
            };
            let triggered = taken.last().is_some_and(|(id, _)| *id == execution_id);
            answers.push(Enqueued {
                execution_id,
                triggered,
            });
        }
        state.executions.append(&mut taken);
        Ok(answers)
    }

    fn finish(&self, id: ExecutionId) -> Result<Finished, ResultError> {
        let state = self.lock();
        let mut executions = state.executions.iter();
        let (_, request) = executions
            .find(|(known, _)| *known == id)
            .ok_or(ResultError::Unknown(id))?;
        let Some(answer) = state.answers.get(&*request.job_id).cloned() else {
            let message = format!(
                "no result of `{}` is scripted: call `RecordingClient::answer`",
                request.job_id
            );
            return Err(ResultError::Store(message.into()));
        };
        let payload = request.payload.clone();
        // Scripts may look at the recording.
        drop(state);
        answer(&payload)
    }
}

impl Backend for Recording {
    fn enqueue(
        &self,
        requests: Vec<EnqueueRequest>,
    ) -> BoxFuture<'_, Result<Vec<Enqueued>, EnqueueError>> {
        Box::pin(std::future::ready(self.take(requests)))
    }

    fn finished(&self, id: ExecutionId) -> BoxFuture<'_, Result<Finished, ResultError>> {
        Box::pin(std::future::ready(self.finish(id)))
    }
}

/// The id of the job that was asked for, or why a runtime would not take the request.
fn judge(request: &EnqueueRequest) -> Result<&'static str, EnqueueError> {
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
    let again = (job.rewrite)(&request.payload).map_err(|error| invalid(error.to_string()))?;
    match value(&again) == value(&request.payload) {
        true => Ok(job.id),
        false => Err(invalid(format!(
            "it is another one when it is read and written again: {again} for {}",
            request.payload
        ))),
    }
}

fn value(text: &str) -> Option<Value> {
    serde_json::from_str(text).ok()
}

/// The execution that an idempotency key names already.
fn same_key<'a>(
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
        Some((id, earlier)) if value(&earlier.payload) == value(&request.payload) => Ok(Some(*id)),
        Some((id, _)) => Err(EnqueueError::IdempotencyConflict {
            job_id: request.job_id.to_string(),
            key: key.clone(),
            execution_id: *id,
        }),
        None => Ok(None),
    }
}

/// The same in every run.
fn nth_id(n: usize) -> ExecutionId {
    let n = u64::try_from(n).unwrap_or(u64::MAX).saturating_add(1);
    ExecutionId::from_parts(UNIX_EPOCH + Duration::from_millis(n), [0; 10])
}
