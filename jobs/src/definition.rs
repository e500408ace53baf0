//! A job as it stands in the binary: built by a `const fn`, found at link time.

use std::time::Duration;

use schemars::Schema;

use crate::handler::Handler;
use crate::limits::DeclaredLimits;
use crate::resource::ResourceRequest;
use crate::{Job, Priority, RetryPolicy};

/// Everything `#[job]` knows about a job.
///
/// Built in a constant, so that linking is the registration: options which are not written leave
/// no tokens in the expansion. Programs read it through [`Catalogue`](crate::Catalogue).
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
    pub(crate) tags: &'static [&'static str],
    pub(crate) sensitive: &'static [&'static str],
    pub(crate) enabled: bool,
    pub(crate) limits: DeclaredLimits,
    pub(crate) scheduled: bool,
    /// Reads a payload and writes it again.
    #[cfg(feature = "testing")]
    pub(crate) rewrite: fn(&str) -> serde_json::Result<String>,
}

// A reference: what the expansion submits is the definition in the payload's `Job` itself.
inventory::collect!(&'static JobDefinition);

/// Where a job was written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Source {
    /// The module's path: it says the same on every machine, which a file's path does not.
    pub module: &'static str,
    /// The line of the attribute.
    pub line: u32,
}

impl std::fmt::Display for Source {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}:{}", self.module, self.line)
    }
}

/// The queue of jobs that name none.
pub const DEFAULT_QUEUE: &str = "default";

/// What an attempt may take unless its job says otherwise.
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
            tags: &[],
            sensitive: &[],
            enabled: true,
            limits: DeclaredLimits::NONE,
            scheduled: false,
            #[cfg(feature = "testing")]
            rewrite: rewrite::<J>,
        }
    }
}

#[cfg(feature = "testing")]
fn rewrite<J: Job>(payload: &str) -> serde_json::Result<String> {
    serde_json::to_string(&serde_json::from_str::<J>(payload)?)
}

/// Declares a setter per option, each usable in a constant.
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
    /// How it is executed.
    handler: Handler,
    /// The by-reference arguments of the handler.
    resources: &'static [ResourceRequest],
    /// The function's doc comment: its first line becomes the label, all of it the description.
    docs: &'static str,
    /// Former ids whose executions this job also executes.
    aliases: &'static [&'static str],
    /// How long one attempt may take; `None` for as long as it likes.
    timeout: Option<Duration>,
    /// When failed attempts are followed by another.
    retries: RetryPolicy,
    /// The order within the queue.
    priority: Priority,
    /// The queue's name.
    queue: &'static str,
    /// Words to find the job by.
    tags: &'static [&'static str],
    /// The payload's fields, by their names in JSON, that are not shown.
    sensitive: &'static [&'static str],
    /// Whether executions may be enqueued and executed.
    enabled: bool,
    /// Whether executions come from a schedule, which fills in nothing: the catalogue makes sure
    /// that the payload needs nothing.
    scheduled: bool,
}

impl JobDefinition {
    /// The job's human name.
    #[must_use]
    pub const fn label(mut self, label: &'static str) -> Self {
        self.label = Some(label);
        self
    }
}
