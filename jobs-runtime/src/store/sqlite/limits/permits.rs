//! The limits of an execution as a text: the array of their numbers, in the order in which they are passed.
//!
//! A claim says it and an end says it again ([`PermitToken`](crate::store::PermitToken)), so that permits are
//! counted without a look at each execution.

use std::fmt::Write;
use std::rc::Rc;

use crate::store::rules::permits::LimitId;
use crate::store::{Claimed, StoreError};
use crate::time::Timestamp;

/// The limits of a text.
pub(in crate::store::sqlite) fn limits_of(text: &str) -> Result<Vec<LimitId>, StoreError> {
    if let Some(limit) = only(text) {
        return Ok(vec![limit]);
    }
    serde_json::from_str(text).map_err(|error| StoreError::Corrupt {
        what: "the limits of an execution".to_owned(),
        reason: error.to_string(),
    })
}

/// The limit of a text that names one, as most do: they need no parser.
fn only(text: &str) -> Option<LimitId> {
    let digits = text.strip_prefix('[')?.strip_suffix(']')?;
    let starts = digits.starts_with(|first: char| matches!(first, '1'..='9'));
    starts.then(|| digits.parse().ok())?
}

/// Refuses a text that names no limits.
pub(in crate::store::sqlite) fn check(text: &str) -> Result<(), StoreError> {
    match only(text) {
        Some(_) => Ok(()),
        None => limits_of(text).map(drop),
    }
}

/// The array of the texts of these, null for who has no limits.
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

/// Attempts that have a limit in common: how many, and the last of what is said of them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::store::sqlite) struct Alike<L> {
    pub(in crate::store::sqlite) limit: LimitId,
    pub(in crate::store::sqlite) count: u64,
    pub(in crate::store::sqlite) last: L,
}

/// Counts attempts by their limits. Damaged texts have none.
#[derive(Debug)]
pub(in crate::store::sqlite) struct Tally<'t, L> {
    /// Neighbours often have the same: the text, how many there were, the last.
    run: Option<(&'t str, u64, L)>,
    before: Vec<Alike<L>>,
}

impl<'t> Tally<'t, Timestamp> {
    /// Of what is leased: when the last of them starts.
    pub(in crate::store::sqlite) fn of_starts(claimed: &'t [Claimed]) -> Self {
        let mut tally = Self::default();
        for claimed in claimed {
            if let Some(limits) = &claimed.limits {
                tally.add(limits.as_str(), claimed.claimed_at);
            }
        }
        tally
    }
}

impl<L> Default for Tally<'_, L> {
    fn default() -> Self {
        Self {
            run: None,
            before: Vec::new(),
        }
    }
}

impl<'t, L: Copy + Ord> Tally<'t, L> {
    /// One more with these limits.
    pub(in crate::store::sqlite) fn add(&mut self, limits: &'t str, last: L) {
        match &mut self.run {
            Some((text, count, before)) if *text == limits => {
                *count += 1;
                *before = last.max(*before);
            }
            _ => {
                self.end_run();
                self.run = Some((limits, 1, last));
            }
        }
    }

    fn end_run(&mut self) {
        if let Some((text, count, last)) = self.run.take() {
            let alike = |limit| Alike { limit, count, last };
            match only(text) {
                Some(limit) => self.before.push(alike(limit)),
                None => {
                    let limits = limits_of(text).unwrap_or_default();
                    self.before.extend(limits.into_iter().map(alike));
                }
            }
        }
    }

    /// Limit by limit.
    pub(in crate::store::sqlite) fn by_limit(mut self) -> Vec<Alike<L>> {
        self.end_run();
        let mut all = self.before;
        all.sort_unstable_by_key(|alike| alike.limit);
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
    fn what_is_no_array_of_numbers_is_refused() {
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
        let mut tally = Tally::default();
        for (text, last) in [
            ("[1,2]", 5),
            ("[1,2]", 3),
            ("[2]", 9),
            ("none]", 9),
            ("[1]", 1),
        ] {
            tally.add(text, last);
        }
        let alike = |limit, count, last| Alike { limit, count, last };
        assert_eq!(tally.by_limit(), [alike(1, 3, 5), alike(2, 3, 9)]);
    }
}
