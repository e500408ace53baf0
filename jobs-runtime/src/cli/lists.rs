//! Settings that are lists: queues, labels, jobs and limits, each with what is said of it.

use std::collections::BTreeMap;
use std::time::Duration;

use crate::store::Rate;

/// The longest label.
const LABEL_CHARS: usize = 64;

/// The items of a list, without blanks.
fn items<'a>(texts: impl IntoIterator<Item = &'a str>) -> impl Iterator<Item = &'a str> {
    texts
        .into_iter()
        .map(str::trim)
        .filter(|text| !text.is_empty())
}

/// Queues to take from, and how many attempts of each at a time where that is said.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Queues {
    pub(super) names: Vec<String>,
    pub(super) concurrency: BTreeMap<String, usize>,
}

/// `mail:10`, `default`
pub(super) fn queues<'a>(texts: impl IntoIterator<Item = &'a str>) -> Result<Queues, String> {
    let mut queues = Queues::default();
    for text in items(texts) {
        let (name, attempts) = match text.rsplit_once(':') {
            None => (text, None),
            Some((name, attempts)) => (name.trim(), Some(attempts_of(text, attempts)?)),
        };
        if name.is_empty() {
            return Err(format!(
                "`{text}` names no queue: write `mail` or `mail:10`"
            ));
        }
        if queues.names.iter().any(|known| known == name) {
            return Err(format!("queue `{name}` is named twice: keep one"));
        }
        queues.names.push(name.to_owned());
        queues
            .concurrency
            .extend(attempts.map(|attempts| (name.to_owned(), attempts)));
    }
    Ok(queues)
}

/// `widget.process:2`
pub(super) fn jobs(text: &str) -> Result<BTreeMap<String, usize>, String> {
    let mut jobs = BTreeMap::new();
    for text in items(text.split(',')) {
        let named = text.rsplit_once(':').map(|(job, n)| (job.trim(), n));
        let Some((job, attempts)) = named.filter(|(job, _)| !job.is_empty()) else {
            return Err(format!(
                "`{text}` is not a job with a number of attempts: write `mail.send:2`"
            ));
        };
        let attempts = attempts_of(text, attempts)?;
        if jobs.insert(job.to_owned(), attempts).is_some() {
            return Err(format!("job `{job}` is named twice: keep one"));
        }
    }
    Ok(jobs)
}

fn attempts_of(text: &str, attempts: &str) -> Result<usize, String> {
    match attempts.trim().parse() {
        Ok(0) | Err(_) => Err(format!(
            "`{text}`: behind the colon stands the number of attempts at a time, from 1"
        )),
        Ok(attempts) => Ok(attempts),
    }
}

/// `default:10m`
pub(super) fn ageing(text: &str) -> Result<BTreeMap<String, Duration>, String> {
    let mut ages = BTreeMap::new();
    for text in items(text.split(',')) {
        let named = text
            .rsplit_once(':')
            .map(|(queue, age)| (queue.trim(), age));
        let Some((queue, age)) = named.filter(|(queue, _)| !queue.is_empty()) else {
            return Err(format!(
                "`{text}` is not a queue with a time to wait: write `default:10m`"
            ));
        };
        let age =
            super::settings::duration(age.trim()).map_err(|error| format!("`{text}`: {error}"))?;
        if ages.insert(queue.to_owned(), age).is_some() {
            return Err(format!("queue `{queue}` is named twice: keep one"));
        }
    }
    Ok(ages)
}

/// `zoo-api:60/min`
pub(super) fn limits(text: &str) -> Result<BTreeMap<String, Rate>, String> {
    let mut limits = BTreeMap::new();
    for text in items(text.split(',')) {
        let named = text
            .rsplit_once(':')
            .map(|(name, rate)| (name.trim(), rate));
        let Some((name, rate)) = named.filter(|(name, _)| !name.is_empty()) else {
            return Err(format!(
                "`{text}` is not a limit with a rate: write `zoo-api:60/min`"
            ));
        };
        let rate = rate.parse().map_err(|error| format!("`{text}`: {error}"))?;
        if limits.insert(name.to_owned(), rate).is_some() {
            return Err(format!("limit `{name}` is set twice: keep one"));
        }
    }
    Ok(limits)
}

/// Words about a worker; short, because they stand in a table.
pub(super) fn labels<'a>(words: impl IntoIterator<Item = &'a str>) -> Result<Vec<String>, String> {
    items(words)
        .map(|word| match word.chars().count() > LABEL_CHARS {
            true => Err(format!("`{word}` has more than {LABEL_CHARS} characters")),
            false => Ok(word.to_owned()),
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn queues_come_with_their_share() {
        let queues = queues("mail:10, default".split(',')).expect("well-formed");
        assert_eq!(queues.names, ["mail", "default"]);
        assert_eq!(
            queues.concurrency,
            BTreeMap::from([("mail".to_owned(), 10)])
        );
        for (text, hint) in [
            ("mail:0", "from 1"),
            ("mail:many", "from 1"),
            (":3", "names no queue"),
            ("mail,mail:2", "twice"),
        ] {
            let error = super::queues(text.split(',')).expect_err(text);
            assert!(error.contains(hint), "{text}: {error}");
        }
    }

    #[test]
    fn queues_come_with_an_age() {
        let ages = ageing("default:10m, mail:90s").expect("well-formed");
        let minutes = Duration::from_secs(600);
        assert_eq!(ages.get("default"), Some(&minutes));
        assert_eq!(ages.get("mail"), Some(&Duration::from_secs(90)));
        for (text, hint) in [
            ("default", "default:10m"),
            ("default:0s", "not a duration"),
            ("default:soon", "`default:soon`"),
            ("a:1m,a:2m", "twice"),
        ] {
            let error = ageing(text).expect_err(text);
            assert!(error.contains(hint), "{text}: {error}");
        }
    }

    #[test]
    fn jobs_and_limits_come_with_numbers() {
        assert_eq!(
            jobs("a.b:2").expect("well-formed"),
            BTreeMap::from([("a.b".to_owned(), 2)])
        );
        assert!(jobs("a.b").expect_err("no number").contains("mail.send:2"));
        let zoo = Rate {
            count: 60,
            period_ms: 60_000,
        };
        let limits = limits("zoo-api:60/min").expect("well-formed");
        assert_eq!(limits, BTreeMap::from([("zoo-api".to_owned(), zoo)]));
        for text in ["zoo", "zoo:60", "zoo:0/s", "zoo:1/week", "a:1/s,a:2/s"] {
            assert!(super::limits(text).is_err(), "{text}");
        }
    }
}
