//! The part of a list that a time of creation can be in.
//!
//! Lists are in the order of the seqs, and so are the times of creation, with two exceptions:
//!
//! * executions that are written at the same time: their times differ by [`TOLERANCE`] at most;
//! * imported executions, for example restored ones: the store keeps one range that has all of
//!   their seqs. It is part of every window, and pages walk through it.
//!
//! So a binary search in the index by seq finds where a time begins (`read/seek.sql`), and a page
//! begins there. A clock that is set back by more than the tolerance breaks the order: pages with
//! `since` or `until` may then lack executions of that time.

use std::time::Duration;

use super::Columns;
use crate::store::ExecutionQuery;
use crate::time::Timestamp;

/// The largest difference between the orders of the seqs and of the times of creation. A caller
/// sets the time before it waits for the store, and the clocks of two processes differ.
pub(in crate::store) const TOLERANCE: Duration = Duration::from_secs(3_600);

/// The place of a time in the order of the seqs, as `read/seek.sql` finds it.
#[derive(Clone, Copy, Debug)]
pub(in crate::store) struct Place {
    /// The first seq whose execution was created at the time or later.
    seq: i64,
    /// The first and the last seq of imported executions that are out of order.
    unordered: (i64, i64),
}

impl Place {
    pub(in crate::store) fn of<R: Columns>(row: &R) -> Result<Self, R::Error> {
        Ok(Self {
            seq: row.integer("seq")?,
            unordered: (row.integer("first")?, row.integer("last")?),
        })
    }
}

/// The seqs of the executions that were possibly created between two times.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::store) struct Window {
    /// The executions in order: the first seq, and the seq behind the last one.
    ordered: (i64, i64),
    /// The imported executions that are out of order, in the same form.
    unordered: (i64, i64),
}

impl Window {
    /// Returns the window between two places. `None`: no bound.
    pub(in crate::store) fn between(since: Option<Place>, until: Option<Place>) -> Self {
        let (first, last) = since.or(until).map_or((1, 0), |place| place.unordered);
        Self {
            ordered: (
                since.map_or(i64::MIN, |place| place.seq),
                until.map_or(i64::MAX, |place| place.seq),
            ),
            unordered: (first, last.saturating_add(1)),
        }
    }

    /// Moves a position of the list towards older executions, past those that are in no part of the
    /// window. Returns `None` if no part follows.
    pub(in crate::store) fn skip_to(&self, before: i64) -> Option<i64> {
        let parts = [self.ordered, self.unordered];
        let ends = parts.iter().map(|(first, end)| (*first, before.min(*end)));
        let ends = ends.filter(|(first, end)| first < end);
        ends.map(|(_, end)| end).max()
    }
}

/// Returns the times to seek for `since` and for `until`, in milliseconds. `None`: no bound.
pub(in crate::store) fn times(query: &ExecutionQuery) -> [Option<i64>; 2] {
    if !query.ids.is_empty() {
        return [None, None];
    }
    let tolerance = i64::try_from(TOLERANCE.as_millis()).unwrap_or(i64::MAX);
    let since = query.since.map(Timestamp::as_millis);
    let until = query.until.map(Timestamp::as_millis);
    [
        since.map(|at| at.saturating_sub(tolerance)),
        until.map(|at| at.saturating_add(tolerance)),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;

    fn place(seq: i64, unordered: (i64, i64)) -> Option<Place> {
        Some(Place { seq, unordered })
    }

    #[test]
    fn a_page_begins_at_the_window_and_ends_behind_it() {
        let none = (i64::MAX, 0);
        let window = Window::between(place(10, none), place(20, none));
        assert_eq!(window.skip_to(i64::MAX), Some(20));
        assert_eq!(window.skip_to(11), Some(11));
        assert_eq!(window.skip_to(10), None);
        let all = Window::between(None, None);
        assert_eq!(all.skip_to(i64::MAX), Some(i64::MAX));
        assert_eq!(all.skip_to(5), Some(5));
        let empty = Window::between(place(20, none), place(20, none));
        assert_eq!(empty.skip_to(i64::MAX), None);
    }

    #[test]
    fn imported_executions_out_of_order_are_part_of_every_window() {
        let window = Window::between(place(10, (50, 59)), place(20, (50, 59)));
        assert_eq!(window.skip_to(i64::MAX), Some(60));
        assert_eq!(window.skip_to(55), Some(55));
        assert_eq!(window.skip_to(50), Some(20));
        let before = Window::between(place(70, (50, 59)), None);
        assert_eq!(before.skip_to(80), Some(80));
        assert_eq!(before.skip_to(70), Some(60));
        assert_eq!(before.skip_to(50), None);
    }
}
