//! A minimal runtime that calls a handler as a worker does.

use std::pin::pin;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};
use std::time::{Duration, SystemTime};

use jobs::runtime::{
    Backend, BuiltResource, Call, ContextParts, EnqueueRequest, Enqueued, Finished, Handler,
    HandlerResult, Resources,
};
use jobs::{
    BoxFuture, Catalogue, CataloguedJob, Client, Clock, EnqueueError, ExecutionId, Job, JobContext,
    ProgressCell, ResultError,
};
use serde_json::Value;

struct NoTime;

impl Clock for NoTime {
    fn now(&self) -> SystemTime {
        SystemTime::UNIX_EPOCH
    }

    fn elapsed(&self) -> Duration {
        Duration::ZERO
    }

    fn sleep(&self, _: Duration) -> BoxFuture<'static, ()> {
        Box::pin(std::future::ready(()))
    }
}

struct NoStore;

impl Backend for NoStore {
    fn enqueue(
        &self,
        _: Vec<EnqueueRequest>,
    ) -> BoxFuture<'_, Result<Vec<Enqueued>, EnqueueError>> {
        Box::pin(std::future::ready(Ok(Vec::new())))
    }

    fn finished(&self, id: ExecutionId) -> BoxFuture<'_, Result<Finished, ResultError>> {
        Box::pin(std::future::ready(Err(ResultError::Unknown(id))))
    }
}

/// Polls a future in a loop until it is ready.
pub(crate) fn block_on<F: Future>(future: F) -> F::Output {
    let mut future = pin!(future);
    let mut context = Context::from_waker(Waker::noop());
    loop {
        if let Poll::Ready(output) = future.as_mut().poll(&mut context) {
            return output;
        }
    }
}

/// Creates a context with these resources.
pub(crate) fn context(resources: impl IntoIterator<Item = BuiltResource>) -> JobContext {
    JobContext::new(ContextParts {
        limiter: None,
        execution_id: "019aa7d2-0000-7000-8000-000000000000"
            .parse()
            .expect("an id"),
        job_id: "test",
        attempt: 1,
        last_attempt: false,
        deadline: None,
        asked_to_end_at: None,
        correlation_id: None,
        trace_parent: None,
        clock: Arc::new(NoTime),
        client: Client::new(Arc::new(NoStore)),
        resources: Resources::from_iter(resources),
        cancelled: tokio_util::sync::CancellationToken::new(),
        progress: Arc::new(ProgressCell::default()),
    })
}

/// Finds the job of payload `J` in the catalogue of this test program.
pub(crate) fn linked<J: Job>() -> CataloguedJob {
    let catalogue = Catalogue::linked().expect("ids are unique in this test");
    catalogue.get(J::ID).expect("linked").clone()
}

/// Runs the handler of `J` on a stored payload.
pub(crate) fn run_with<J: Job>(
    resources: impl IntoIterator<Item = BuiltResource>,
    payload: &str,
) -> HandlerResult {
    let call = Call {
        context: context(resources),
        payload: payload.to_owned(),
    };
    match linked::<J>().handler() {
        Handler::Async(handler) => block_on(handler(call)),
        Handler::Blocking(handler) => handler(call),
        _ => panic!("an external job has no handler"),
    }
}

/// Runs the handler of `J` on a payload without resources.
pub(crate) fn run<J: Job>(job: &J) -> HandlerResult {
    run_with::<J>([], &serde_json::to_string(job).expect("a payload"))
}

/// The payload schema of `J`.
pub(crate) fn schema<J: Job>() -> Value {
    linked::<J>().descriptor().payload_schema.clone()
}
