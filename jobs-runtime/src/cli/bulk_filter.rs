//! The filter of `--where`: `key=value` pairs, separated by spaces.

use std::time::Duration;

use super::failure::Failure;
use crate::service::similar_names;
use crate::store::BulkFilter;
use crate::time::Timestamp;

/// The help of `--where`.
pub(super) const HELP: &str = "\
Instead of an id: every execution that matches all pairs KEY=VALUE, separated by spaces. The effect
is shown first, and happens only after a confirmation or with --yes.

  job=ID              executions of this job
  status=STATUS       pending, queued, running, succeeded, failed, cancelled
  queue=NAME          executions of this queue
  item=ID, correlation=ID, created-by=NAME, tag=TAG
  since=TIME          created at or after this time, as in 2030-01-31T12:00:00Z, or this long ago,
  until=TIME          created before it                as in 2h
  error=FINGERPRINT   failed with this error, as `failures` prints it
  id=ID               this execution; repeatable

A value with spaces stands in quotation marks: created-by=\"night shift\".";

const KEYS: [&str; 11] = [
    "job",
    "status",
    "queue",
    "item",
    "correlation",
    "created-by",
    "tag",
    "since",
    "until",
    "error",
    "id",
];

/// Parses a filter. Durations count back from `now`.
pub(super) fn parse(text: &str, now: Timestamp) -> Result<BulkFilter, Failure> {
    let mut filter = BulkFilter::default();
    let mut given = Vec::new();
    for (key, value) in pairs(text)? {
        if key != "id" && given.contains(&key) {
            return Err(Failure::usage(format!("--where: `{key}` is given twice")));
        }
        let wrong = |reason: String| Failure::usage(format!("--where: `{key}={value}`: {reason}"));
        match &*key {
            "job" => filter.job_id = Some(value),
            "status" => {
                let status = value.parse();
                filter.status = Some(status.map_err(|error| wrong(format!("{error}")))?);
            }
            "queue" => filter.queue = Some(value),
            "item" => filter.item_id = Some(value),
            "correlation" => filter.correlation_id = Some(value),
            "created-by" => filter.created_by = Some(value),
            "tag" => filter.tag = Some(value),
            "since" => filter.since = Some(time(&value, now).map_err(wrong)?),
            "until" => filter.until = Some(time(&value, now).map_err(wrong)?),
            "error" => filter.error_fingerprint = Some(value),
            "id" => {
                let id = value.parse();
                filter
                    .ids
                    .push(id.map_err(|error| wrong(format!("{error}")))?);
            }
            _ => {
                let near = similar_names(&key, KEYS);
                let names = if near.is_empty() {
                    KEYS.map(str::to_owned).to_vec()
                } else {
                    near
                };
                return Err(Failure::usage(format!(
                    "--where: `{key}` is no filter; use {}",
                    names.join(", ")
                )));
            }
        }
        given.push(key);
    }
    Ok(filter)
}

/// Splits a text into pairs. Quotation marks keep spaces in a value.
fn pairs(text: &str) -> Result<Vec<(String, String)>, Failure> {
    let mut words = Vec::new();
    let (mut word, mut is_quoted) = (String::new(), false);
    for c in text.chars() {
        match c {
            '"' => is_quoted = !is_quoted,
            c if c.is_whitespace() && !is_quoted => words.push(std::mem::take(&mut word)),
            c => word.push(c),
        }
    }
    words.push(word);
    if is_quoted {
        return Err(Failure::usage("--where: a quotation mark is not closed"));
    }
    let words = words.into_iter().filter(|word| !word.is_empty());
    words
        .map(|word| match word.split_once('=') {
            Some((key, value)) if !value.is_empty() => Ok((key.to_owned(), value.to_owned())),
            _ => Err(Failure::usage(format!(
                "--where: `{word}` is no pair KEY=VALUE, as in job=mail.send"
            ))),
        })
        .collect()
}

fn time(text: &str, now: Timestamp) -> Result<Timestamp, String> {
    if let Ok(ago) = jobs_grammar::duration::parse(text) {
        let ago: Duration = ago;
        return Ok(now.before(ago));
    }
    text.parse().map_err(|error| {
        format!("{error}; give a time like 2030-01-31T12:00:00Z or a duration like 2h")
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pairs_are_parsed() {
        let now = Timestamp::from_millis(10_000_000);
        let filter = parse(
            "job=mail.send  status=failed since=2h created-by=\"a b\"",
            now,
        );
        let filter = filter.expect("a filter");
        assert_eq!(filter.job_id.as_deref(), Some("mail.send"));
        assert_eq!(filter.status, Some(jobs::ExecutionStatus::Failed));
        assert_eq!(filter.since, Some(Timestamp::from_millis(2_800_000)));
        assert_eq!(filter.created_by.as_deref(), Some("a b"));
    }

    #[test]
    fn mistakes_are_named() {
        let check = |text: &str, expected: &str| {
            let failure = parse(text, Timestamp::default()).expect_err("a mistake");
            let failure = failure.to_string();
            assert!(failure.contains(expected), "{text}: {failure}");
        };
        check("jbo=a", "`jbo` is no filter; use job");
        check("job", "`job` is no pair KEY=VALUE");
        check("job=", "`job=` is no pair KEY=VALUE");
        check("job=a job=b", "`job` is given twice");
        check("status=lost", "`status=lost`");
        check("since=yesterday", "a duration like 2h");
        check("tag=\"a", "not closed");
    }
}
