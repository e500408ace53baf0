//! Middleware around every attempt, in the shape of [`tower`](https://docs.rs/tower).
//!
//! A layer wraps the service that calls the handler. It can inspect the attempt before and after
//! the call, answer in the handler's place, or set up resources around it. Any
//! [`tower_layer::Layer`] works whose service takes an [`AttemptRequest`], responds with the result
//! as JSON text, and has an error that converts into a [`JobError`]. The layers of `tower` itself
//! work too (timeouts, limits, `map_err`).
//!
//! Layers decide nothing about retries: their result counts as the handler's result. The time
//! limit, cancellation and the handling of panics enclose all layers.

use std::fmt;
use std::future::poll_fn;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll};

use jobs::runtime::{Call, HandlerResult};
use jobs::{BoxFuture, JobContext, JobError};

pub use tower_layer::Layer;
pub use tower_service::Service;

/// The engine's call of the handler.
type Run = Box<dyn FnOnce(Call) -> BoxFuture<'static, HandlerResult> + Send>;

/// One attempt, as it passes through the middleware to its handler.
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

    /// The context that the handler receives: the job, the execution, the attempt.
    pub fn context(&self) -> &JobContext {
        &self.call.context
    }

    /// The payload that the handler receives, as JSON text.
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

/// The service that the innermost layer wraps: it calls the handler and is always ready.
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
    /// Wraps this service in a layer.
    pub(crate) fn layered<L>(self, layer: &L) -> Self
    where
        L: Layer<Self>,
        L::Service: Service<AttemptRequest, Response = String> + Clone + Send + 'static,
        <L::Service as Service<AttemptRequest>>::Error: Into<JobError>,
        <L::Service as Service<AttemptRequest>>::Future: Send,
    {
        // Each attempt calls a clone of its own. The mutex shares services that are not `Sync`.
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
