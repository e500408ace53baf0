//! The assertions `assert_enqueued!` and `assert_not_enqueued!`.

use std::fmt::Write as _;

use serde::Serialize;

use super::{Recorded, RecordingClient};
use crate::{IntoField, Job};

/// Asserts that a job was enqueued, and returns the first match as a
/// [`Recorded`](crate::testing::Recorded).
///
/// The first argument is a [`RecordingClient`](crate::testing::RecordingClient), or a
/// [`TestContext`](crate::testing::TestContext) for jobs that the handler enqueued.
///
/// ```
/// # use jobs::testing::{RecordingClient, block_on};
/// # use jobs::{JobError, assert_enqueued, job};
/// # #[job(id = "mail.assert")]
/// # async fn send_mail(to: String, copies: u32) -> Result<(), JobError> {
/// #     drop((to, copies));
/// #     Ok(())
/// # }
/// # let recording = RecordingClient::new();
/// # let jobs = recording.client();
/// # block_on(async { jobs.enqueue(SendMail::new("alice", 2)).await }).unwrap();
/// assert_enqueued!(recording, SendMail);
/// assert_enqueued!(recording, SendMail { to: "alice", .. }); // ignores the other fields
/// assert_enqueued!(recording, SendMail { to: "alice", copies: 2 });
/// assert_enqueued!(recording, SendMail, |mail| mail.copies > 1);
/// ```
///
/// Values of fields convert as in `SendMail::new`. The message of a failure lists the enqueued jobs
/// and their differences:
///
/// ```should_panic
/// # use jobs::testing::{RecordingClient, block_on};
/// # use jobs::{JobError, assert_enqueued, job};
/// # #[job(id = "mail.assert-fails")]
/// # async fn send_mail(to: String, copies: u32) -> Result<(), JobError> {
/// #     drop((to, copies));
/// #     Ok(())
/// # }
/// # let recording = RecordingClient::new();
/// # let jobs = recording.client();
/// # block_on(async { jobs.enqueue(SendMail::new("alice", 2)).await }).unwrap();
/// assert_enqueued!(recording, SendMail { to: "bob", .. });
/// // no `SendMail { to: "bob", .. }` was enqueued; the enqueued jobs are:
/// //   mail.assert-fails {"to":"alice","copies":2}
/// //     `to` is "alice", not "bob"
/// ```
#[macro_export]
macro_rules! assert_enqueued {
    ($recording:expr, $($arguments:tt)+) => {
        $crate::__enqueued!(assert_enqueued_as, $recording, $($arguments)+)
    };
}

/// Asserts that a job was not enqueued.
///
/// The opposite of [`assert_enqueued!`](crate::assert_enqueued), with the same arguments.
///
/// ```
/// # use jobs::testing::{RecordingClient, block_on};
/// # use jobs::{JobError, assert_not_enqueued, job};
/// # #[job(id = "mail.assert-not")]
/// # async fn send_mail(to: String) -> Result<(), JobError> { drop(to); Ok(()) }
/// # let recording = RecordingClient::new();
/// # let jobs = recording.client();
/// # block_on(async { jobs.enqueue(SendMail::new("alice")).await }).unwrap();
/// assert_not_enqueued!(recording, SendMail { to: "bob" });
/// ```
#[macro_export]
macro_rules! assert_not_enqueued {
    ($recording:expr, $($arguments:tt)+) => {
        $crate::__enqueued!(assert_not_enqueued_as, $recording, $($arguments)+)
    };
}

#[doc(hidden)]
#[macro_export]
macro_rules! __enqueued {
    ($assert:ident, $recording:expr, $job:path $(,)?) => {
        $crate::testing::$assert::<$job>(
            ::core::convert::AsRef::as_ref(&$recording),
            ::core::stringify!($job),
            ::std::vec::Vec::new(),
        )
    };
    ($assert:ident, $recording:expr, $job:path { .. } $(,)?) => {
        $crate::__enqueued!($assert, $recording, $job)
    };
    ($assert:ident, $recording:expr, $job:path { $($field:ident : $value:expr),+ , .. } $(,)?) => {
        $crate::testing::$assert::<$job>(
            ::core::convert::AsRef::as_ref(&$recording),
            ::core::concat!(
                ::core::stringify!($job),
                " {",
                $(" ", ::core::stringify!($field), ": ", ::core::stringify!($value), ",",)+
                " .. }",
            ),
            ::std::vec![$($crate::testing::field(
                ::core::stringify!($field),
                |payload: &$job| &payload.$field,
                $value,
            )),+],
        )
    };
    ($assert:ident, $recording:expr, $job:path { $($field:ident : $value:expr),+ $(,)? } $(,)?) => {{
        // Without `..`, every field is required. The compiler reports a missing one.
        let _ = |payload: $job| {
            let $job { $($field: _),+ } = payload;
        };
        $crate::testing::$assert::<$job>(
            ::core::convert::AsRef::as_ref(&$recording),
            ::core::concat!(
                ::core::stringify!($job),
                " {",
                $(" ", ::core::stringify!($field), ": ", ::core::stringify!($value), ",",)+
                " }",
            ),
            ::std::vec![$($crate::testing::field(
                ::core::stringify!($field),
                |payload: &$job| &payload.$field,
                $value,
            )),+],
        )
    }};
    ($assert:ident, $recording:expr, $job:path, $predicate:expr $(,)?) => {
        $crate::testing::$assert::<$job>(
            ::core::convert::AsRef::as_ref(&$recording),
            ::core::concat!(
                ::core::stringify!($job),
                " with ",
                ::core::stringify!($predicate),
            ),
            ::std::vec![$crate::testing::predicate::<$job>($predicate)],
        )
    };
}

/// A check of a payload; returns a description of the difference.
type Expectation<J> = Box<dyn Fn(&J) -> Option<String>>;

/// Expects a field to have a value.
///
/// Both are compared as JSON, because a field's type need not implement `PartialEq`.
pub fn field<J, T: Serialize + 'static>(
    name: &'static str,
    get: impl Fn(&J) -> &T + 'static,
    value: impl IntoField<T>,
) -> Expectation<J> {
    let json = |value: &T| serde_json::to_value(value).expect("a field can be written as JSON");
    let expected = json(&value.into_field());
    Box::new(move |payload| {
        let actual = json(get(payload));
        (actual != expected).then(|| format!("`{name}` is {actual}, not {expected}"))
    })
}

/// Expects a payload to meet a condition.
pub fn predicate<J: 'static>(holds: impl Fn(&J) -> bool + 'static) -> Expectation<J> {
    Box::new(move |payload| (!holds(payload)).then(|| "the condition does not hold".to_owned()))
}

/// Returns the first execution of `J` that meets all expectations.
///
/// # Panics
/// If no execution meets them.
#[track_caller]
pub fn assert_enqueued_as<J: Job>(
    recording: &RecordingClient,
    wanted: &str,
    expectations: Vec<Expectation<J>>,
) -> Recorded<J> {
    let found = recording.enqueued().into_iter();
    let mut found = found.filter(|recorded| differences(recorded, &expectations).is_empty());
    match found.next() {
        Some(recorded) => recorded,
        None => panic!(
            "no `{wanted}` was enqueued; {}",
            list_enqueued(recording, &expectations)
        ),
    }
}

/// Asserts that no execution of `J` meets all expectations.
///
/// # Panics
/// If an execution meets them.
#[track_caller]
pub fn assert_not_enqueued_as<J: Job>(
    recording: &RecordingClient,
    wanted: &str,
    expectations: Vec<Expectation<J>>,
) {
    for recorded in recording.enqueued() {
        assert!(
            !differences(&recorded, &expectations).is_empty(),
            "`{wanted}` was enqueued: {}",
            recorded.request.payload
        );
    }
}

fn differences<J>(recorded: &Recorded<J>, expectations: &[Expectation<J>]) -> Vec<String> {
    let expectations = expectations.iter();
    expectations
        .filter_map(|expectation| expectation(&recorded.payload))
        .collect()
}

/// Lists everything that was enqueued, with the differences from the expectations.
fn list_enqueued<J: Job>(recording: &RecordingClient, expectations: &[Expectation<J>]) -> String {
    let all = recording.all();
    if all.is_empty() {
        return "the record is empty".to_owned();
    }
    let mut of_job = recording.enqueued::<J>().into_iter();
    let mut text = "the enqueued jobs are:".to_owned();
    for (_, request) in all {
        // Writing to a string cannot fail.
        let _ = write!(text, "\n  {} {}", request.job_id, request.payload);
        if request.job_id == J::ID {
            let recorded = of_job.next();
            for difference in recorded.iter().flat_map(|r| differences(r, expectations)) {
                let _ = write!(text, "\n    {difference}");
            }
        }
    }
    text
}
