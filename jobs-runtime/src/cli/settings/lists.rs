//! Parsers of the settings that are lists: queues, slot caps, ageing, rate limits, retention and
//! labels.

use std::collections::BTreeMap;
use std::time::Duration;

use jobs::ExecutionStatus;

use super::values::{AGEING, ATTEMPTS, RETENTION, parse_number};
use crate::RetentionSettings;
use crate::store::Rate;

/// The maximum length of a label. Labels stand in a table.
const LABEL_CHARS: usize = 64;

/// The maximum number of labels.
const MAX_LABELS: usize = 16;

/// The non-empty items of a list, trimmed.
fn items<'a>(texts: impl IntoIterator<Item = &'a str>) -> impl Iterator<Item = &'a str> {
    texts
        .into_iter()
        .map(str::trim)
        .filter(|text| !text.is_empty())
}

/// The queues of a worker.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(in crate::cli) struct QueueSelection {
    pub(in crate::cli) names: Vec<String>,
    /// The slot caps of the queues that have one.
    pub(in crate::cli) concurrency: BTreeMap<String, usize>,
}

/// Parses queues: `mail:10`, `default`.
pub(in crate::cli) fn parse_queues<'a>(
    texts: impl IntoIterator<Item = &'a str>,
) -> Result<QueueSelection, String> {
    let mut queues = QueueSelection::default();
    for text in items(texts) {
        let (name, attempts) = match text.rsplit_once(':') {
            None => (text, None),
            Some((name, attempts)) => (name.trim(), Some(parse_attempts(text, attempts)?)),
        };
        if name.is_empty() {
            return Err(format!(
                "`{text}` has no queue name: write `mail` or `mail:10`"
            ));
        }
        jobs_grammar::id::check(name)?;
        if queues.names.iter().any(|known| known == name) {
            return Err(format!("queue `{name}` is listed twice: remove one"));
        }
        queues.names.push(name.to_owned());
        queues
            .concurrency
            .extend(attempts.map(|attempts| (name.to_owned(), attempts)));
    }
    Ok(queues)
}

/// Parses the slot caps of jobs: `mail.send:2`.
pub(in crate::cli) fn parse_job_caps(text: &str) -> Result<BTreeMap<String, usize>, String> {
    let mut jobs = BTreeMap::new();
    for text in items(text.split(',')) {
        let named = text.rsplit_once(':').map(|(job, n)| (job.trim(), n));
        let Some((job, attempts)) = named.filter(|(job, _)| !job.is_empty()) else {
            return Err(format!(
                "`{text}` is not a job id with a number of concurrent attempts: write `mail.send:2`"
            ));
        };
        let attempts = parse_attempts(text, attempts)?;
        if jobs.insert(job.to_owned(), attempts).is_some() {
            return Err(format!("job `{job}` is listed twice: remove one"));
        }
    }
    Ok(jobs)
}

fn parse_attempts(text: &str, attempts: &str) -> Result<usize, String> {
    parse_number(attempts.trim(), &ATTEMPTS)
        .map_err(|error| format!("the concurrent attempts of `{text}`: {error}"))
}

/// Parses the ageing of queues: `default:10m`.
pub(in crate::cli) fn parse_ageing(text: &str) -> Result<BTreeMap<String, Duration>, String> {
    let mut ages = BTreeMap::new();
    for text in items(text.split(',')) {
        let named = text
            .rsplit_once(':')
            .map(|(queue, age)| (queue.trim(), age));
        let Some((queue, age)) = named.filter(|(queue, _)| !queue.is_empty()) else {
            return Err(format!(
                "`{text}` is not a queue with a duration: write `default:10m`"
            ));
        };
        let age = AGEING
            .parse(age.trim())
            .map_err(|error| format!("`{text}`: {error}"))?;
        if ages.insert(queue.to_owned(), age).is_some() {
            return Err(format!("queue `{queue}` is listed twice: remove one"));
        }
    }
    Ok(ages)
}

/// Parses named rate limits: `zoo-api:60/min`.
pub(in crate::cli) fn parse_limits(text: &str) -> Result<BTreeMap<String, Rate>, String> {
    let mut limits = BTreeMap::new();
    for text in items(text.split(',')) {
        let named = text
            .rsplit_once(':')
            .map(|(name, rate)| (name.trim(), rate));
        let Some((name, rate)) = named.filter(|(name, _)| !name.is_empty()) else {
            return Err(format!(
                "`{text}` is not a limit name with a rate: write `zoo-api:60/min`"
            ));
        };
        let rate = rate.parse().map_err(|error| format!("`{text}`: {error}"))?;
        if limits.insert(name.to_owned(), rate).is_some() {
            return Err(format!("limit `{name}` is listed twice: remove one"));
        }
    }
    Ok(limits)
}

/// Parses retention times: `30d` and `failed:90d` for all jobs, `mail.send:1d` and
/// `mail.send:failed:7d` for one. A time without a status holds for the statuses without one.
pub(in crate::cli) fn parse_retention(text: &str) -> Result<RetentionSettings, String> {
    let mut times = BTreeMap::new();
    for text in items(text.split(',')) {
        let (subject, time) = text.rsplit_once(':').unwrap_or(("", text));
        let (job, status) = match subject.rsplit_once(':') {
            Some((job, status)) => (job, Some(final_status(text, status)?)),
            None => match subject.parse::<ExecutionStatus>() {
                Ok(status) if status.is_final() => ("", Some(status)),
                _ => (subject, None),
            },
        };
        let time = RETENTION
            .parse(time.trim())
            .map_err(|error| format!("`{text}`: {error}"))?;
        let status = status.map(ExecutionStatus::as_str);
        if times.insert((job.trim(), status), time).is_some() {
            return Err(format!("`{text}`: this time is given twice, remove one"));
        }
    }
    // `None` sorts before the statuses, which then replace its time.
    let mut settings = RetentionSettings::default();
    for ((job, status), time) in times {
        let status = status.and_then(|status| status.parse().ok());
        settings = if job.is_empty() {
            settings.default_of(status, time)
        } else {
            settings.job(job, status, time)
        };
    }
    Ok(settings)
}

fn final_status(text: &str, status: &str) -> Result<ExecutionStatus, String> {
    let parsed = status.trim().parse::<ExecutionStatus>().ok();
    parsed.filter(|status| status.is_final()).ok_or_else(|| {
        format!("`{text}`: write `succeeded`, `failed` or `cancelled` between job and time")
    })
}

/// Parses the names by which callers reach the interface: `jobs.example.com`.
pub(in crate::cli) fn parse_hosts(text: &str) -> Result<Vec<String>, String> {
    let hosts = items(text.split(',')).map(|host| {
        let is_name = host
            .bytes()
            .all(|c| c.is_ascii_alphanumeric() || c == b'-' || c == b'.' || c == b'_');
        if is_name {
            Ok(host.to_ascii_lowercase())
        } else {
            Err(format!(
                "`{host}` is no host name: write `jobs.example.com`, without a scheme and a port"
            ))
        }
    });
    hosts.collect()
}

/// Parses the origins of other sites: `https://app.example.com`.
pub(in crate::cli) fn parse_origins(text: &str) -> Result<Vec<String>, String> {
    let origins = items(text.split(',')).map(|origin| {
        let rest = origin
            .strip_prefix("https://")
            .or_else(|| origin.strip_prefix("http://"));
        match rest {
            Some(rest) if !rest.is_empty() && !rest.contains(['/', '*', ' ', '?', '#']) => {
                Ok(origin.to_ascii_lowercase())
            }
            _ => Err(format!(
                "`{origin}` is no origin: write `https://app.example.com`, without a path"
            )),
        }
    });
    origins.collect()
}

/// Parses the labels of a worker.
pub(in crate::cli) fn parse_labels<'a>(
    words: impl IntoIterator<Item = &'a str>,
) -> Result<Vec<String>, String> {
    let labels: Vec<String> = items(words)
        .map(|word| {
            if word.contains(char::is_control) {
                Err("a label contains a control character: remove it".to_owned())
            } else if word.chars().count() > LABEL_CHARS {
                Err(format!(
                    "label `{word}` is too long: shorten it to {LABEL_CHARS} characters"
                ))
            } else {
                Ok(word.to_owned())
            }
        })
        .collect::<Result<_, _>>()?;
    if labels.len() > MAX_LABELS {
        Err(format!(
            "there are {} labels: give at most {MAX_LABELS}",
            labels.len()
        ))
    } else {
        Ok(labels)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn queues_have_slot_caps() {
        let queues = parse_queues("mail:10, default".split(',')).expect("well-formed");
        assert_eq!(queues.names, ["mail", "default"]);
        assert_eq!(
            queues.concurrency,
            BTreeMap::from([("mail".to_owned(), 10)])
        );
        for (text, hint) in [
            ("mail:0", "1 to 100000"),
            ("mail:many", "1 to 100000"),
            ("Mail", "write `\"mail\"`"),
            ("a b:2", "write `\"a-b\"`"),
            (":3", "no queue name"),
            ("mail,mail:2", "twice"),
        ] {
            let error = parse_queues(text.split(',')).expect_err(text);
            assert!(error.contains(hint), "{text}: {error}");
        }
    }

    #[test]
    fn queues_have_an_ageing_time() {
        let ages = parse_ageing("default:10m, mail:90s").expect("well-formed");
        let minutes = Duration::from_secs(600);
        assert_eq!(ages.get("default"), Some(&minutes));
        assert_eq!(ages.get("mail"), Some(&Duration::from_secs(90)));
        for (text, hint) in [
            ("default", "default:10m"),
            ("default:0s", "1ms to 366d"),
            ("default:soon", "`default:soon`"),
            ("a:1m,a:2m", "twice"),
        ] {
            let error = parse_ageing(text).expect_err(text);
            assert!(error.contains(hint), "{text}: {error}");
        }
    }

    #[test]
    fn retention_has_times_for_statuses_and_jobs() {
        let day = Duration::from_secs(86_400);
        let text = "10d, failed:20d, mail.send:1d, mail.send:failed:2d, failed:succeeded:3d";
        let settings = parse_retention(text).expect("well-formed");
        let expected = RetentionSettings::default()
            .default_of(None, 10 * day)
            .default_of(Some(ExecutionStatus::Failed), 20 * day)
            .job("mail.send", None, day)
            .job("mail.send", Some(ExecutionStatus::Failed), 2 * day)
            .job("failed", Some(ExecutionStatus::Succeeded), 3 * day);
        assert_eq!(settings, expected);
        for (text, hint) in [
            ("mail.send", "not a duration"),
            ("mail.send:running:1d", "`cancelled`"),
            ("0s", "1ms"),
            ("1d,2d", "twice"),
            ("failed:1d,failed:2d", "twice"),
        ] {
            let error = parse_retention(text).expect_err(text);
            assert!(error.contains(hint), "{text}: {error}");
        }
    }

    #[test]
    fn jobs_have_slot_caps_and_limits_have_rates() {
        assert_eq!(
            parse_job_caps("a.b:2").expect("well-formed"),
            BTreeMap::from([("a.b".to_owned(), 2)])
        );
        assert!(
            parse_job_caps("a.b")
                .expect_err("no number")
                .contains("mail.send:2")
        );
        let zoo = Rate {
            count: 60,
            period_ms: 60_000,
        };
        let limits = parse_limits("zoo-api:60/min").expect("well-formed");
        assert_eq!(limits, BTreeMap::from([("zoo-api".to_owned(), zoo)]));
        for text in ["zoo", "zoo:60", "zoo:0/s", "zoo:1/week", "a:1/s,a:2/s"] {
            assert!(parse_limits(text).is_err(), "{text}");
        }
    }
}
