//! Keys of the attribute, as the catalogue shows them.

use jobs::{Catalogue, Job, JobDescriptor, JobError, Priority, job};

use crate::support::linked;

fn described<J: Job>() -> JobDescriptor {
    linked::<J>().descriptor().clone()
}

#[job(id = "options.defaults")]
async fn defaults() -> Result<(), JobError> {
    Ok(())
}

#[test]
fn omitted_keys_have_defaults() {
    let job = described::<Defaults>();
    assert_eq!(job.label, "Options defaults");
    assert_eq!(job.timeout_ms, Some(300_000));
    assert_eq!(
        (job.max_attempts, job.retry_delays_ms),
        (4, vec![30_000, 60_000, 120_000])
    );
    assert_eq!(job.priority, Priority::Normal);
    assert_eq!(job.queue, "default");
    assert!(job.enabled && job.tags.is_empty() && job.aliases.is_empty());
}

#[job(
    id = "options.all",
    aliases = ["options.former"],
    label = "Everything",
    timeout = "1h30m",
    retries = ["500ms", "1m"],
    max_attempts = 5,
    priority = "high",
    queue = "mail",
    tags = ["a", "b"],
    payload = AllOfThem,
    enabled = false
)]
async fn all() -> Result<(), JobError> {
    Ok(())
}

#[test]
fn every_key_is_in_the_descriptor() {
    let job = described::<AllOfThem>();
    assert_eq!(job.label, "Everything");
    assert_eq!(job.timeout_ms, Some(5_400_000));
    assert_eq!(
        (job.max_attempts, job.retry_delays_ms),
        (5, vec![500, 60_000])
    );
    assert_eq!(job.priority, Priority::High);
    assert_eq!((job.queue.as_str(), job.enabled), ("mail", false));
    assert_eq!(job.tags, ["a", "b"]);
    let catalogue = Catalogue::linked().expect("unique ids");
    assert_eq!(
        catalogue.get("options.former").map(|job| job.id()),
        Some("options.all")
    );
}

/// Declares a job with these keys, and tests its retry policy.
macro_rules! policy {
    ($name:ident, $id:literal, ($($key:tt)*) => $attempts:literal, $delays:expr) => {
        mod $name {
            #[jobs::job(id = $id, $($key)*)]
            async fn run() -> Result<(), jobs::JobError> {
                Ok(())
            }

            #[test]
            fn has_the_expected_retry_policy() {
                let job = super::described::<Run>();
                let seconds: &[u64] = &$delays;
                let millis: Vec<u64> = seconds.iter().map(|seconds| seconds * 1000).collect();
                assert_eq!((job.max_attempts, job.retry_delays_ms), ($attempts, millis));
            }
        }
    };
}

policy!(none, "retries.none", (retries = 0) => 1, []);
policy!(few, "retries.few", (retries = 2) => 3, [30, 60]);
policy!(many, "retries.many", (retries = 9) => 10, [30, 60, 120]);
policy!(agreeing, "retries.agreeing", (retries = 2, max_attempts = 3) => 3, [30, 60]);
policy!(total, "retries.total", (max_attempts = 2) => 2, [30]);
policy!(cut, "retries.cut", (retries = [1, 2, 3], max_attempts = 2) => 2, [1]);
policy!(repeated, "retries.repeated", (retries = [1, 2], max_attempts = 9) => 9, [1, 2]);
policy!(
    formula, "retries.formula",
    (retries = exponential(base = "10s", factor = 3, max = "2m", count = 4)) => 5, [10, 30, 90, 120]
);

#[job(
    id = "options.jitter",
    timeout = "none",
    priority = 70,
    retries = exponential(base = 1, count = 2, jitter = 0.5)
)]
async fn jitter() -> Result<(), JobError> {
    Ok(())
}

#[test]
fn a_numeric_priority_no_timeout_and_jitter() {
    let job = described::<Jitter>();
    assert_eq!(job.timeout_ms, None);
    assert_eq!(job.priority.value(), 70);
    assert_eq!(job.retry_delays_ms, [1000, 2000]);
    assert!((job.retry_jitter - 0.5).abs() < f32::EPSILON);
}

#[test]
fn a_duplicate_id_is_rejected_with_both_sources() {
    // Two linked jobs with one id would break every other test of this program.
    let error = Catalogue::of([Defaults::definition(), Defaults::definition()]).expect_err("two");
    let message = error.to_string();
    assert!(message.contains("`options.defaults`"), "{message}");
    let line = linked::<Defaults>().source().line;
    let source = format!("handlers::options:{line}");
    assert_eq!(message.matches(&source).count(), 2, "{message}");
}

#[test]
fn the_source_is_the_line_of_the_attribute() {
    let text = include_str!("options.rs");
    let line = linked::<Defaults>().source().line as usize;
    assert_eq!(
        text.lines().nth(line - 1),
        Some("#[job(id = \"options.defaults\")]")
    );
}
