//! The limits of an execution as text: a JSON array of limit ids, in the order of their stages.
//!
//! A claim returns this text as a [`PermitToken`](crate::store::PermitToken), and a settlement
//! passes it back. Starts and releases of permits are counted from these texts alone, without a
//! read of the executions.

use std::fmt::Write;
use std::rc::Rc;

use crate::store::rules::permits::LimitId;
use crate::store::{Claimed, StoreError};
use crate::time::Timestamp;

/// Reads the limits of a text.
pub(in crate::store::sqlite) fn limits_of(text: &str) -> Result<Vec<LimitId>, StoreError> {
    if let Some(limit) = only(text) {
        return Ok(vec![limit]);
    }
    serde_json::from_str(text).map_err(|error| StoreError::Corrupt {
        what: "the limits of an execution".to_owned(),
        reason: error.to_string(),
    })
}

/// Reads a text with a single limit, which is the usual one, without a JSON parser.
fn only(text: &str) -> Option<LimitId> {
    let digits = text.strip_prefix('[')?.strip_suffix(']')?;
    let starts = digits.starts_with(|first: char| matches!(first, '1'..='9'));
    starts.then(|| digits.parse().ok())?
}

/// Checks that a text can be read.
pub(in crate::store::sqlite) fn check(text: &str) -> Result<(), StoreError> {
    match only(text) {
        Some(_) => Ok(()),
        None => limits_of(text).map(drop),
    }
}

/// A JSON array with the text of each execution, null for an execution without limits.
pub(in crate::store::sqlite) fn texts(limits: &[Rc<[LimitId]>]) -> String {
    let mut texts = String::with_capacity(limits.len() * 10);
    let mut before = '[';
    for limits in limits {
        texts.push(before);
        before = ',';
        if limits.is_empty() {
            texts.push_str("null");
            continue;
        }
        let mut bracket = "\"[";
        for limit in &**limits {
            texts.push_str(bracket);
            // Writing to a string does not fail.
            let _ = write!(texts, "{limit}");
            bracket = ",";
        }
        texts.push_str("]\"");
    }
    if before == '[' {
        texts.push('[');
    }
    texts.push(']');
    texts
}

/// The number of attempts with a permit of one limit, and the largest of their values.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::store::sqlite) struct PermitCount<L> {
    pub(in crate::store::sqlite) limit: LimitId,
    pub(in crate::store::sqlite) count: u64,
    pub(in crate::store::sqlite) last: L,
}

/// Counts attempts by limit. A text that cannot be read counts for none.
#[derive(Debug)]
pub(in crate::store::sqlite) struct PermitCounts<'t, L> {
    /// The current run of equal texts: the text, its count, the largest value.
    run: Option<(&'t str, u64, L)>,
    /// The runs before it, by limit.
    finished: Vec<PermitCount<L>>,
}

impl<'t> PermitCounts<'t, Timestamp> {
    /// Counts claimed attempts. Their value is the time of the start.
    pub(in crate::store::sqlite) fn of_starts(claimed: &'t [Claimed]) -> Self {
        let mut counts = Self::default();
        for claimed in claimed {
            if let Some(limits) = &claimed.limits {
                counts.add(limits.as_str(), claimed.claimed_at);
            }
        }
        counts
    }
}

impl<L> Default for PermitCounts<'_, L> {
    fn default() -> Self {
        Self {
            run: None,
            finished: Vec::new(),
        }
    }
}

impl<'t, L: Copy + Ord> PermitCounts<'t, L> {
    /// Adds an attempt with these limits and this value.
    pub(in crate::store::sqlite) fn add(&mut self, limits: &'t str, value: L) {
        match &mut self.run {
            Some((text, count, last)) if *text == limits => {
                *count += 1;
                *last = value.max(*last);
            }
            _ => {
                self.end_run();
                self.run = Some((limits, 1, value));
            }
        }
    }

    fn end_run(&mut self) {
        if let Some((text, count, last)) = self.run.take() {
            let permits = |limit| PermitCount { limit, count, last };
            match only(text) {
                Some(limit) => self.finished.push(permits(limit)),
                None => {
                    let limits = limits_of(text).unwrap_or_default();
                    self.finished.extend(limits.into_iter().map(permits));
                }
            }
        }
    }

    /// The counts, one per limit, in the order of the limits' ids.
    pub(in crate::store::sqlite) fn by_limit(mut self) -> Vec<PermitCount<L>> {
        self.end_run();
        let mut all = self.finished;
        all.sort_unstable_by_key(|permits| permits.limit);
        all.dedup_by(|next, kept| {
            let is_same = next.limit == kept.limit;
            if is_same {
                kept.count += next.count;
                kept.last = kept.last.max(next.last);
            }
            is_same
        });
        all
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_are_read_as_they_are_written() {
        let limits: [Rc<[LimitId]>; 4] = [
            Rc::from([7]),
            Rc::from([]),
            Rc::from([1, 20, 300]),
            Rc::from([LimitId::MAX]),
        ];
        let read: Vec<Option<String>> = serde_json::from_str(&texts(&limits)).unwrap();
        for (text, limits) in read.iter().zip(&limits) {
            match text {
                None => assert!(limits.is_empty()),
                Some(text) => {
                    check(text).unwrap();
                    assert_eq!(limits_of(text).unwrap(), **limits);
                }
            }
        }
        assert_eq!(texts(&[]), "[]");
    }

    #[test]
    fn a_text_that_is_no_array_of_numbers_is_an_error() {
        for text in [
            "",
            "7",
            "[7",
            "[+7]",
            "[07]",
            "[7] ",
            "[\"7\"]",
            "[7,]",
            "[9999999999999999999]",
        ] {
            let read = serde_json::from_str::<Vec<LimitId>>(text);
            assert_eq!(check(text).is_ok(), read.is_ok(), "{text}");
            assert_eq!(limits_of(text).ok(), read.ok(), "{text}");
        }
    }

    #[test]
    fn attempts_are_counted_by_limit() {
        let mut counts = PermitCounts::default();
        for (text, last) in [
            ("[1,2]", 5),
            ("[1,2]", 3),
            ("[2]", 9),
            ("none]", 9),
            ("[1]", 1),
        ] {
            counts.add(text, last);
        }
        let permits = |limit, count, last| PermitCount { limit, count, last };
        assert_eq!(counts.by_limit(), [permits(1, 3, 5), permits(2, 3, 9)]);
    }
}
