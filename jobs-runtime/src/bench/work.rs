//! The jobs that are measured: they do nothing, with a payload of two fields and a result of two.
//!
//! Written out instead of by the attribute: what that registers is in every program's catalogue.

use std::sync::Arc;
use std::time::{Duration, Instant};

use jobs::runtime::{Call, Handler, HandlerResult, MaxConcurrent, MaxRate};
use jobs::{BoxFuture, Catalogue, CatalogueError, Job, JobDefinition, JobError, Source};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::histogram::Histogram;
use crate::clock::real_now;

/// The result of all of them.
#[derive(Debug, Serialize, Deserialize, JsonSchema)]
pub(crate) struct Done {
    number: u64,
    subject: String,
}

/// Where attempts that are timed leave how late they began.
#[derive(Debug)]
pub(crate) struct Started {
    pub(crate) since: Instant,
    pub(crate) lateness: Histogram,
}

impl Started {
    pub(crate) fn new() -> Arc<Self> {
        Arc::new(Self {
            since: real_now(),
            lateness: Histogram::default(),
        })
    }

    /// Microseconds since it was made: what a timed execution has for a number.
    pub(crate) fn micros(&self) -> u64 {
        u64::try_from(self.since.elapsed().as_micros()).unwrap_or(u64::MAX)
    }
}

/// Declares a job whose payload is `{ number, subject }`.
macro_rules! no_op {
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
                type Output = Done;
                const DEFINITION: &'static JobDefinition =
                    &JobDefinition::new::<Self>(HERE, Handler::Async($name::handle))
                        $(.$option($value))*;
            }

            impl $name {
                fn handle(call: Call) -> BoxFuture<'static, HandlerResult> {
                    Box::pin(async move {
                        let Self { number, subject } =
                            serde_json::from_str(&call.payload).map_err(JobError::permanent)?;
                        if let Some(started) = call.context.resource::<Started>() {
                            let late = started.micros().saturating_sub(number);
                            started.lateness.record(Duration::from_micros(late));
                        }
                        serde_json::to_string(&Done { number, subject }).map_err(JobError::permanent)
                    })
                }
            }

            impl Numbered for $name {
                fn numbered(number: u64, subject: String) -> Self {
                    Self { number, subject }
                }
            }
        )*

        /// All of them.
        pub(crate) fn catalogue() -> Result<Catalogue, CatalogueError> {
            Catalogue::of([$($name::DEFINITION),*])
        }
    };
}

const HERE: Source = Source {
    module: module_path!(),
    line: line!(),
};

/// Far more than runs or waits here.
const PLENTY: u32 = 1_000_000_000;

/// What is enqueued in bulk.
pub(crate) trait Numbered: Job {
    /// One of many.
    fn numbered(number: u64, subject: String) -> Self;
}

no_op! {
    /// Nothing holds it back.
    Plain = "bench.plain";
    /// A limit on attempts at a time that is never reached.
    Concurrent = "bench.concurrent".max_concurrent(MaxConcurrent::new(PLENTY));
    /// A limit on attempts at a time per subject that is never reached.
    PerSubject = "bench.per-subject".max_concurrent(MaxConcurrent::new(PLENTY).per("subject"));
    /// A rate that is never reached.
    Rated = "bench.rated".rate_limit(MaxRate::new(PLENTY, Duration::from_secs(1)));
    /// A limit on those that wait, never reached.
    Waiting = "bench.waiting".max_waiting(PLENTY);
    /// One at a time per subject.
    Keyed = "bench.keyed".max_concurrent(MaxConcurrent::new(1).per("subject"));
}
