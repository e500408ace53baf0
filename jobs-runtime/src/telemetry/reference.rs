//! The reference of the telemetry: every metric, span, attribute and log record, with its meaning.
//!
//! The code takes the names from here, and a test compares this module with what a program emits
//! and with the tables of `docs/observability.md`.

/// A metric, as `GET /metrics` shows it.
#[derive(Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct MetricDoc {
    /// The name.
    pub name: &'static str,
    /// The kind.
    pub kind: MetricKind,
    /// The names of the labels.
    pub labels: &'static [&'static str],
    /// The meaning, as a sentence.
    pub help: &'static str,
}

/// The kind of a metric.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum MetricKind {
    /// A number that grows while the process lives.
    Counter,
    /// A present value.
    Gauge,
    /// A distribution, in buckets.
    Histogram,
}

impl MetricKind {
    /// Returns the name, as in the text format of Prometheus.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Counter => "counter",
            Self::Gauge => "gauge",
            Self::Histogram => "histogram",
        }
    }
}

/// The value of a label that stands for all values beyond the bound of its metric.
pub const OTHER: &str = "other";

/// A span, as it is exported over OTLP.
#[derive(Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct SpanDoc {
    /// The name; a word in angle brackets stands for a value.
    pub name: &'static str,
    /// The kind: `server`, `producer` or `consumer`.
    pub kind: &'static str,
    /// The names of the attributes that it may have.
    pub attributes: &'static [&'static str],
    /// The meaning, as a sentence.
    pub help: &'static str,
}

/// A log record that is no event of the program, as it is exported over OTLP.
#[derive(Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct EventDoc {
    /// The name of the event.
    pub name: &'static str,
    /// The names of its attributes.
    pub attributes: &'static [&'static str],
    /// The meaning, as a sentence.
    pub help: &'static str,
}

/// An attribute of a span or a log record.
#[derive(Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct AttributeDoc {
    /// The name.
    pub name: &'static str,
    /// The meaning, as a sentence.
    pub help: &'static str,
}

/// The spans.
pub const SPANS: &[SpanDoc] = &[
    SpanDoc {
        name: "<method> <route>",
        kind: "server",
        attributes: &[
            attribute::HTTP_METHOD,
            attribute::HTTP_ROUTE,
            attribute::URL_PATH,
            attribute::HTTP_STATUS,
            attribute::ERROR_TYPE,
        ],
        help: "A request to the HTTP interface, without probes, metrics and event streams.",
    },
    SpanDoc {
        name: "send <job>",
        kind: "producer",
        attributes: &[
            attribute::SYSTEM,
            attribute::OPERATION_NAME,
            attribute::OPERATION_TYPE,
            attribute::DESTINATION,
            attribute::MESSAGE_ID,
            attribute::CONVERSATION,
            attribute::BATCH_COUNT,
            attribute::TRIGGERED_BY,
            attribute::ERROR_TYPE,
        ],
        help: "An enqueue. A batch has one; with several jobs, its name is `send`.",
    },
    SpanDoc {
        name: "process <job>",
        kind: "consumer",
        attributes: &[
            attribute::SYSTEM,
            attribute::OPERATION_NAME,
            attribute::OPERATION_TYPE,
            attribute::DESTINATION,
            attribute::MESSAGE_ID,
            attribute::CONVERSATION,
            attribute::ATTEMPT,
            attribute::QUEUE,
            attribute::ERROR_TYPE,
        ],
        help: "An attempt, as a child of its `send`. The server starts and ends that of an external worker. The spans of the second and later attempts link to the attempt before.",
    },
];

/// The log records that are no events of the program.
pub const EVENTS: &[EventDoc] = &[EventDoc {
    name: "exception",
    attributes: &[attribute::EXCEPTION_TYPE, attribute::EXCEPTION_MESSAGE],
    help: "The error of an attempt, within its span.",
}];

/// Declares the attributes, and the list of all of them.
macro_rules! attributes {
    ($($constant:ident $name:literal $help:literal;)*) => {
        /// The names of the attributes.
        pub mod attribute {
            $(
                #[doc = $help]
                pub const $constant: &str = $name;
            )*
        }

        /// Every attribute, in the order of the page.
        pub const ATTRIBUTES: &[AttributeDoc] = &[$(AttributeDoc { name: $name, help: $help }),*];
    };
}

attributes! {
    SYSTEM "messaging.system" "Always `jobs`.";
    OPERATION_NAME "messaging.operation.name" "`send` or `process`.";
    OPERATION_TYPE "messaging.operation.type" "`send` or `process`.";
    DESTINATION "messaging.destination.name" "The job id.";
    MESSAGE_ID "messaging.message.id" "The execution id; of a `send` with one execution.";
    CONVERSATION "messaging.message.conversation_id" "The correlation id.";
    BATCH_COUNT "messaging.batch.message_count" "The number of executions of a batch.";
    ERROR_TYPE "error.type" "The kind of the error: of an attempt as in `attempts[]`, of a request its status code.";
    ATTEMPT "jobs.attempt" "The number of the attempt.";
    QUEUE "jobs.queue" "The queue.";
    TRIGGERED_BY "jobs.triggered_by" "The interface of the enqueue: `code`, `http`, `cli`, `parent`, `schedule` or `sql`.";
    HTTP_METHOD "http.request.method" "The method of the request.";
    HTTP_ROUTE "http.route" "The route of the request.";
    URL_PATH "url.path" "The path of the request; without the token of a lease.";
    HTTP_STATUS "http.response.status_code" "The status code of the response.";
    EXCEPTION_TYPE "exception.type" "The kind of the error, as in `attempts[]`.";
    EXCEPTION_MESSAGE "exception.message" "The message of the error.";
}

/// Declares the metrics, and the list of all of them.
macro_rules! metrics {
    ($($constant:ident: $kind:ident $name:literal [$($label:literal),*] $help:literal;)*) => {
        $(
            #[doc = $help]
            pub const $constant: MetricDoc = MetricDoc {
                name: $name,
                kind: MetricKind::$kind,
                labels: &[$($label),*],
                help: $help,
            };
        )*

        /// Every metric, in the order of the page.
        pub const METRICS: &[&MetricDoc] = &[$(&$constant),*];
    };
}

metrics! {
    ENQUEUED: Counter "jobs_enqueued_total" ["job_id"]
        "Executions that this process has created.";
    STARTED: Counter "jobs_attempts_started_total" ["job_id"]
        "Attempts that this process has started.";
    FINISHED: Counter "jobs_attempts_finished_total" ["job_id", "outcome"]
        "Attempts that this process has ended, once the store has the outcome.";
    FAILED: Counter "jobs_executions_failed_total" ["job_id"]
        "Executions that have failed for good, by an attempt that this process has ended.";
    DURATION: Histogram "jobs_attempt_duration_seconds" ["job_id"]
        "Durations of ended attempts, without lost and released ones.";
    WAIT: Histogram "jobs_execution_wait_seconds" ["job_id"]
        "Times from an execution's due time to the start of its first attempt.";
    SCHEDULE_LAG: Histogram "jobs_schedule_lag_seconds" []
        "Times from a schedule's time to the moment at which this process has fired it.";
    QUEUE_READY: Gauge "jobs_queue_ready" ["queue"]
        "Ready executions of the fleet, counted up to a bound of several thousand.";
    QUEUE_BLOCKED: Gauge "jobs_queue_blocked" ["queue"]
        "Executions of the fleet that wait for a permit, counted up to a bound of several thousand.";
    QUEUE_RUNNING: Gauge "jobs_queue_running" ["queue"]
        "Running executions of the fleet.";
    QUEUE_READY_AGE: Gauge "jobs_queue_oldest_ready_seconds" ["queue"]
        "Time for which the next execution of the queue has been ready; of the priority that waits longest.";
    QUEUE_PAUSED: Gauge "jobs_queue_paused" ["queue"]
        "1 if the queue is paused, else 0.";
    PERMITS: Gauge "jobs_limit_permits_in_use" ["job_id"]
        "Permits of max_concurrent that executions of the fleet hold.";
    LEASE_LOSSES: Counter "jobs_lease_losses_total" []
        "Sessions of this process that another worker has taken over.";
    REFUSED_WRITES: Counter "jobs_refused_writes_total" ["write"]
        "Writes of this process that the store has refused, because their lease had ended.";
    STORE_UP: Gauge "jobs_store_up" []
        "1 if the store has answered to this scrape, else 0; then the gauges of the fleet are missing.";
    STORE_CALL_DURATION: Histogram "jobs_store_call_duration_seconds" ["call"]
        "Durations of calls of the store.";
    STORE_CALL_ERRORS: Counter "jobs_store_call_errors_total" ["call"]
        "Calls of the store that have failed.";
    BROKER_CONNECTED: Gauge "jobs_broker_connected" ["part"]
        "1 if the relay or the consumer of this process is connected to the broker, else 0.";
    BROKER_LAG: Gauge "jobs_broker_relay_lag_seconds" []
        "Time for which the relay of this process has had ready executions to publish.";
    BROKER_UNCONFIRMED: Gauge "jobs_broker_unconfirmed" []
        "Messages of this process whose confirm is awaited.";
    BROKER_PUBLISHED: Counter "jobs_broker_published_total" ["answer"]
        "Messages of this process, by the answer of the broker.";
    BROKER_DEAD_LETTERS: Gauge "jobs_broker_dead_letters" []
        "Messages that no worker could read, as the relay of this process has counted them last.";
    BROKER_DELIVERIES: Counter "jobs_broker_deliveries_total" ["answer"]
        "Messages that this process has received, by its answer.";
    RUNNING: Gauge "jobs_worker_attempts_running" []
        "Attempts that run in this process.";
    SLOTS: Gauge "jobs_worker_slots" ["kind"]
        "Slots for attempts in this process.";
    RUNTIME_THREADS: Gauge "jobs_tokio_threads" []
        "Worker threads of the Tokio runtime that serves HTTP.";
    RUNTIME_TASKS: Gauge "jobs_tokio_tasks" []
        "Tasks of that Tokio runtime that have not ended.";
    RUNTIME_QUEUE: Gauge "jobs_tokio_queue_depth" []
        "Tasks that wait in the global queue of that Tokio runtime.";
    BUILD: Gauge "jobs_build_info" ["version"]
        "Always 1; the label is the version of the runtime.";
    PROCESS_START: Gauge "process_start_time_seconds" []
        "Start of the process, in seconds since the Unix epoch.";
    PROCESS_CPU: Counter "process_cpu_seconds_total" []
        "CPU time of the process, in user and kernel mode.";
    PROCESS_MEMORY: Gauge "process_resident_memory_bytes" []
        "Resident memory of the process.";
    PROCESS_FDS: Gauge "process_open_fds" []
        "Open file descriptors of the process.";
    PROCESS_THREADS: Gauge "process_threads" []
        "Threads of the process.";
}
