//! Imported executions that are out of the order of their times of creation.
//!
//! Lists with `since` or `until` seek by that order (`decode/window.rs`). So an import tells the
//! store which of its executions they must look at in any case.

use std::ops::RangeInclusive;

use crate::store::decode::window::TOLERANCE;
use crate::time::Timestamp;

/// Finds the imported executions that were created before an older row of the store. Returns the
/// range of their seqs.
///
/// `newest` is the newest time among the executions before the import that are in order. `imported`
/// has the seq and the time of each execution, in the order of the seqs.
pub(in crate::store) fn out_of_order(
    mut newest: Option<Timestamp>,
    imported: impl Iterator<Item = (i64, Timestamp)>,
) -> Option<RangeInclusive<i64>> {
    let mut range: Option<RangeInclusive<i64>> = None;
    for (seq, created_at) in imported {
        if newest.is_some_and(|newest| created_at.after(TOLERANCE / 2) < newest) {
            let first = range.map_or(seq, |range| *range.start());
            range = Some(first..=seq);
        } else {
            newest = newest.max(Some(created_at));
        }
    }
    range
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    fn hours(hours: &[u64]) -> impl Iterator<Item = (i64, Timestamp)> {
        let at = |hour: &u64| Timestamp::from_millis(0).after(Duration::from_secs(hour * 3_600));
        (1..).zip(hours.iter().map(at))
    }

    #[test]
    fn only_older_executions_behind_newer_ones_are_out_of_order() {
        let newest = Timestamp::from_millis(9 * 3_600_000);
        assert_eq!(out_of_order(None, hours(&[1, 2, 3])), None);
        assert_eq!(out_of_order(Some(newest), hours(&[9, 10])), None);
        assert_eq!(out_of_order(Some(newest), hours(&[1, 2])), Some(1..=2));
        assert_eq!(
            out_of_order(None, hours(&[5, 9, 6, 10, 7, 11])),
            Some(3..=5)
        );
    }
}
