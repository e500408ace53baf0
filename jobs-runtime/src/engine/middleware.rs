//! Middleware around every attempt, in the shape of [`tower`](https://docs.rs/tower).
//!
//! A layer wraps the service that calls the handler: it may look at the attempt before and after,
//! answer in the handler's place, or set things up around it. Any [`tower_layer::Layer`] will do whose service
//! takes an [`AttemptRequest`], answers with the result as JSON text, and fails with what converts
//! into a [`JobError`]; so will those of `tower` itself (timeouts, limits, `map_err`).
//!
//! Layers decide nothing about retries: what they return is judged like what a handler returns, and
//! the time limit, cancellation and panics of an attempt stand around all of them.

use std::fmt;
use std::future::poll_fn;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll};

use jobs::runtime::{Call, HandlerResult};
use jobs::{BoxFuture, JobContext, JobError};

pub use tower_layer::Layer;
pub use tower_service::Service;

/// How the engine calls a handler in the end.
type Run = Box<dyn FnOnce(Call) -> BoxFuture<'static, HandlerResult> + Send>;

/// One attempt on its way to its handler.
pub struct AttemptRequest {
    call: Call,
    run: Run,
}

impl AttemptRequest {
    pub(crate) fn new(
        call: Call,
        run: impl FnOnce(Call) -> BoxFuture<'static, HandlerResult> + Send + 'static,
    ) -> Self {
        Self {
            call,
            run: Box::new(run),
        }
    }

    /// What the handler will see: the job, the execution, the attempt.
    pub fn context(&self) -> &JobContext {
        &self.call.context
    }

    /// What the handler will receive: JSON text.
    pub fn payload(&self) -> &str {
        &self.call.payload
    }
}

impl fmt::Debug for AttemptRequest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("AttemptRequest")
            .field(&self.call.context)
            .finish()
    }
}

/// What the innermost layer wraps: calls the handler. Always ready.
#[derive(Clone)]
pub struct AttemptService(
    Arc<dyn Fn(AttemptRequest) -> BoxFuture<'static, HandlerResult> + Send + Sync>,
);

impl Default for AttemptService {
    fn default() -> Self {
        Self(Arc::new(|request| (request.run)(request.call)))
    }
}

impl AttemptService {
    /// Puts a layer around what is there.
    pub(crate) fn layered<L>(self, layer: &L) -> Self
    where
        L: Layer<Self>,
        L::Service: Service<AttemptRequest, Response = String> + Clone + Send + 'static,
        <L::Service as Service<AttemptRequest>>::Error: Into<JobError>,
        <L::Service as Service<AttemptRequest>>::Future: Send,
    {
        // A clone for each attempt, as services expect; not every service can be shared.
        let service = Mutex::new(layer.layer(self));
        Self(Arc::new(move |request| {
            let mut service = service
                .lock()
                .unwrap_or_else(PoisonError::into_inner)
                .clone();
            Box::pin(async move {
                poll_fn(|cx| service.poll_ready(cx))
                    .await
                    .map_err(Into::into)?;
                let response = service.call(request);
                response.await.map_err(Into::into)
            })
        }))
    }
}

impl Service<AttemptRequest> for AttemptService {
    type Response = String;
    type Error = JobError;
    type Future = BoxFuture<'static, HandlerResult>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), JobError>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: AttemptRequest) -> Self::Future {
        (self.0)(request)
    }
}

impl fmt::Debug for AttemptService {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("AttemptService")
    }
}
