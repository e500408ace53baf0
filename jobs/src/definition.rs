//! Job definitions: constants that are collected at link time.

use std::time::Duration;

use schemars::Schema;

use crate::handler::Handler;
use crate::limits::DeclaredLimits;
use crate::payload::PayloadReader;
use crate::resource::ResourceRequest;
use crate::retention::Retain;
use crate::schedule::Schedule;
use crate::upcast::Upcast;
use crate::{Job, Priority, RetryPolicy};

/// Everything that `#[job]` declares about a job.
///
/// The expansion builds the definition as a constant and submits it at link time, so linking a job
/// registers it. [`new`](Self::new) sets every option to its default; the expansion calls a setter
/// for each option that is written. Programs read definitions through
/// [`Catalogue`](crate::Catalogue).
#[derive(Debug)]
pub struct JobDefinition {
    pub(crate) id: &'static str,
    pub(crate) source: Source,
    pub(crate) handler: Handler,
    pub(crate) payload_schema: fn() -> Schema,
    pub(crate) result_schema: fn() -> Schema,
    pub(crate) resources: &'static [ResourceRequest],
    pub(crate) docs: &'static str,
    pub(crate) label: Option<&'static str>,
    pub(crate) aliases: &'static [&'static str],
    pub(crate) timeout: Option<Duration>,
    pub(crate) retries: RetryPolicy,
    pub(crate) priority: Priority,
    pub(crate) queue: &'static str,
    pub(crate) routing_key: Option<&'static str>,
    pub(crate) tags: &'static [&'static str],
    pub(crate) sensitive: &'static [&'static str],
    pub(crate) sensitive_aliases: &'static [&'static str],
    pub(crate) enabled: bool,
    pub(crate) limits: DeclaredLimits,
    pub(crate) expires: Option<Duration>,
    pub(crate) retain: Retain,
    pub(crate) schedules: &'static [Schedule],
    pub(crate) upcast: Option<Upcast>,
    pub(crate) reader: PayloadReader,
}

// Collected by reference: the expansion submits `Job::DEFINITION` itself.
inventory::collect!(&'static JobDefinition);

/// The source location of a job or a resource.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Source {
    /// The path of the module. Unlike a file's path, it is the same on every machine.
    pub module: &'static str,
    /// The line of the attribute.
    pub line: u32,
}

impl std::fmt::Display for Source {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}:{}", self.module, self.line)
    }
}

/// The queue of a job that names no queue.
pub const DEFAULT_QUEUE: &str = "default";

/// The timeout of an attempt, unless the job sets another.
pub const DEFAULT_TIMEOUT: Duration = Duration::from_secs(300);

impl JobDefinition {
    /// The definition of `J` with every option at its default.
    pub const fn new<J: Job>(source: Source, handler: Handler) -> Self {
        Self {
            id: J::ID,
            source,
            handler,
            payload_schema: crate::schema::payload_schema::<J>,
            result_schema: crate::schema::result_schema::<J::Output>,
            resources: &[],
            docs: "",
            label: None,
            aliases: &[],
            timeout: Some(DEFAULT_TIMEOUT),
            retries: RetryPolicy::DEFAULT,
            priority: Priority::Normal,
            queue: DEFAULT_QUEUE,
            routing_key: None,
            tags: &[],
            sensitive: &[],
            sensitive_aliases: &[],
            enabled: true,
            limits: DeclaredLimits::NONE,
            expires: None,
            retain: Retain::new(),
            schedules: &[],
            upcast: None,
            reader: PayloadReader {
                read: crate::payload::read::<J>,
                rewrite: crate::payload::rewrite::<J>,
            },
        }
    }
}

/// Declares a `const` setter for each option.
macro_rules! options {
    ($($(#[doc = $doc:literal])+ $name:ident: $ty:ty),* $(,)?) => {
        impl JobDefinition {$(
            $(#[doc = $doc])+
            #[must_use]
            pub const fn $name(mut self, $name: $ty) -> Self {
                self.$name = $name;
                self
            }
        )*}
    };
}

options! {
    /// The handler.
    handler: Handler,
    /// The types of the handler's by-reference arguments.
    resources: &'static [ResourceRequest],
    /// The function's doc comment. The first line is the label, the whole text the description.
    docs: &'static str,
    /// Former ids whose executions this job also executes.
    aliases: &'static [&'static str],
    /// The longest duration of one attempt; `None` for no limit.
    timeout: Option<Duration>,
    /// The number of attempts, and the delays between them.
    retries: RetryPolicy,
    /// The priority of executions that are enqueued without one.
    priority: Priority,
    /// The queue's name.
    queue: &'static str,
    /// Tags to find the job by.
    tags: &'static [&'static str],
    /// The payload's sensitive fields, by their names in JSON. Their values are redacted.
    sensitive: &'static [&'static str],
    /// Former names of sensitive fields, under which payloads may still be sent.
    sensitive_aliases: &'static [&'static str],
    /// `true` if executions may be enqueued and executed.
    enabled: bool,
    /// The time after which an execution is cancelled if its first attempt has not started, counted
    /// from the time at which it is due; `None` for no such time.
    expires: Option<Duration>,
    /// The times for which final executions are kept.
    retain: Retain,
    /// The schedules that enqueue executions. A schedule supplies no fields, so the catalogue
    /// checks that the payload requires none.
    schedules: &'static [Schedule],
}

impl JobDefinition {
    /// The routing key of the job's messages on a broker. Default: `jobs.` and the id.
    #[must_use]
    pub const fn routing_key(mut self, key: &'static str) -> Self {
        self.routing_key = Some(key);
        self
    }

    /// The function that converts older shapes of the payload before the handler's types read it.
    #[must_use]
    pub const fn upcast(mut self, upcast: Upcast) -> Self {
        self.upcast = Some(upcast);
        self
    }

    /// The job's human-readable name.
    #[must_use]
    pub const fn label(mut self, label: &'static str) -> Self {
        self.label = Some(label);
        self
    }
}
