//! No-op jobs with a payload and a result of two fields each.
//!
//! They are declared without `#[job]`: the attribute would add them to the catalogue of every
//! program.

use std::sync::Arc;
use std::time::{Duration, Instant};

use jobs::runtime::{Call, Handler, HandlerResult, MaxConcurrent, MaxRate};
use jobs::{BoxFuture, Catalogue, CatalogueError, Job, JobDefinition, JobError, Source};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::histogram::Histogram;
use crate::clock::real_now;

/// The result of each no-op job: its payload.
#[derive(Debug, Serialize, Deserialize, JsonSchema)]
pub(crate) struct EchoResult {
    number: u64,
    subject: String,
}

/// A resource that records the time from an execution's due time to the start of its handler.
///
/// A timed execution carries its due time in `number`: microseconds since `origin`.
#[derive(Debug)]
pub(crate) struct StartTimer {
    origin: Instant,
    pub(crate) delays: Histogram,
}

impl StartTimer {
    pub(crate) fn new() -> Arc<Self> {
        Arc::new(Self {
            origin: real_now(),
            delays: Histogram::default(),
        })
    }

    /// Microseconds since the origin.
    pub(crate) fn elapsed_micros(&self) -> u64 {
        u64::try_from(self.origin.elapsed().as_micros()).unwrap_or(u64::MAX)
    }
}

/// Declares jobs whose payload is `{ number, subject }`.
macro_rules! noop_job {
    ($($(#[doc = $doc:literal])+ $name:ident = $id:literal $(.$option:ident($value:expr))*;)*) => {
        $(
            $(#[doc = $doc])+
            #[derive(Debug, Serialize, Deserialize, JsonSchema)]
            pub(crate) struct $name {
                pub(crate) number: u64,
                pub(crate) subject: String,
            }

            impl Job for $name {
                const ID: &'static str = $id;
                type Output = EchoResult;
                const DEFINITION: &'static JobDefinition =
                    &JobDefinition::new::<Self>(HERE, Handler::Async($name::handle))
                        $(.$option($value))*;
            }

            impl $name {
                fn handle(call: Call) -> BoxFuture<'static, HandlerResult> {
                    Box::pin(async move {
                        let Self { number, subject } =
                            serde_json::from_str(&call.payload).map_err(JobError::permanent)?;
                        if let Some(timer) = call.context.resource::<StartTimer>() {
                            let delay = timer.elapsed_micros().saturating_sub(number);
                            timer.delays.record(Duration::from_micros(delay));
                        }
                        let result = EchoResult { number, subject };
                        serde_json::to_string(&result).map_err(JobError::permanent)
                    })
                }
            }

            impl NumberedJob for $name {
                fn numbered(number: u64, subject: String) -> Self {
                    Self { number, subject }
                }
            }
        )*

        /// A catalogue of all no-op jobs.
        pub(crate) fn catalogue() -> Result<Catalogue, CatalogueError> {
            Catalogue::of([$($name::DEFINITION),*])
        }
    };
}

const HERE: Source = Source {
    module: module_path!(),
    line: line!(),
};

/// A limit that no trial reaches.
const UNREACHED: u32 = 1_000_000_000;

/// A job whose payloads are made from a number.
pub(crate) trait NumberedJob: Job {
    /// The payload with this number and subject.
    fn numbered(number: u64, subject: String) -> Self;
}

noop_job! {
    /// A job without limits.
    Plain = "bench.plain";
    /// A job without limits whose executions no worker of a trial claims.
    Other = "bench.other";
    /// A job with a concurrency limit that is never reached.
    Concurrent = "bench.concurrent".max_concurrent(MaxConcurrent::new(UNREACHED));
    /// A job with a concurrency limit per subject that is never reached.
    PerSubject = "bench.per-subject".max_concurrent(MaxConcurrent::new(UNREACHED).per("subject"));
    /// A job with a rate limit that is never reached.
    Rated = "bench.rated".rate_limit(MaxRate::new(UNREACHED, Duration::from_secs(1)));
    /// A job with a limit on waiting executions that is never reached.
    Waiting = "bench.waiting".max_waiting(UNREACHED);
    /// A job that runs one attempt at a time per subject.
    Keyed = "bench.keyed".max_concurrent(MaxConcurrent::new(1).per("subject"));
}
