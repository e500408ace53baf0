//! Which way a claim goes through what is ready.
//!
//! The order of all is walked from its **head**, which is exact, and costs nothing as long as most of what is met
//! may be taken. A walk gets long where much stands in front that may not be: executions of other programs'
//! jobs, or index entries of what was taken before and cannot be vacuumed yet, because a transaction
//! somewhere keeps its snapshot. The claims after a long walk go another way:
//!
//! * one that found **little** is followed by claims that look at the heads of single **groups**, a job in
//!   a queue each;
//! * two in a row that found all that they wanted are followed by claims that go on **ahead**, from where each
//!   priority was left: one alone may have waited for a busy machine, and what is short is walked in order. New
//!   executions come behind that, whatever their priority. What comes in before it, a retry
//!   mostly, is found by the next walk from the head: after a time in proportion to what that costs, or as
//!   soon as a claim does not find enough ahead.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use crate::store::Claim;

/// A walk is long that takes more than this, and than so much for each that it found: one that found all that it
/// wanted, and one that found less. The latter says little about the way, so that there has to be more of it.
const LONG: (Duration, Duration) = (Duration::from_millis(10), Duration::from_micros(12));
const LONG_FOR_LITTLE: (Duration, Duration) =
    (Duration::from_millis(15), Duration::from_micros(50));

/// Times that claims go ahead before the head is looked at again, in lengths of the walk from there: an eighth of the
/// time goes into such walks.
const AHEAD: u32 = 7;

/// The longest time that they do so.
const AHEAD_AT_MOST: Duration = Duration::from_secs(2);

/// After a long walk that found little, so many claims look at groups.
const DETOUR: u32 = 200;

/// Kinds of claims whose way ahead is remembered: there is one for each kind of slot.
const TRAILS: usize = 4;

/// A way through what is ready.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::store::postgres) enum Way {
    /// In the order of all, from its head.
    Head,
    /// In the order of all, from where each rank was left.
    Ahead(Marks),
    /// The head of each job in each queue by itself.
    Groups,
}

/// The number that was taken last in each rank.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(in crate::store::postgres) struct Marks(BTreeMap<i16, i64>);

impl Marks {
    /// Notes what was taken.
    fn note(&mut self, taken: &[(i16, i64)]) {
        for &(rank, seq) in taken {
            let mark = self.0.entry(rank).or_insert(seq);
            *mark = seq.max(*mark);
        }
    }

    /// What is ahead, in the order of claims: ranges that begin behind a rank and a number, and end before a rank.
    pub(in crate::store::postgres) fn ranges(&self) -> (Vec<i16>, Vec<i64>, Vec<i16>) {
        let marks = self.0.iter().map(|(rank, seq)| (*rank, *seq));
        let begins = std::iter::once((i16::MIN, 0)).chain(marks);
        let ends = self.0.keys().copied().chain([i16::MAX]);
        let (ranks, numbers) = begins.unzip();
        (ranks, numbers, ends.collect())
    }
}

/// How a claim fared.
#[derive(Clone, Copy, Debug)]
pub(in crate::store::postgres) struct Walked<'w> {
    pub(in crate::store::postgres) way: &'w Way,
    /// How many it wanted, and found.
    pub(in crate::store::postgres) wanted: usize,
    pub(in crate::store::postgres) found: usize,
    /// Ranks and numbers of those without limits: others have an order of their own.
    pub(in crate::store::postgres) taken: &'w [(i16, i64)],
    pub(in crate::store::postgres) began: Instant,
    pub(in crate::store::postgres) took: Duration,
}

impl Walked<'_> {
    fn is_longer_than(&self, (at_least, of_each): (Duration, Duration)) -> bool {
        let found = u32::try_from(self.found).unwrap_or(u32::MAX);
        self.took > at_least + of_each.saturating_mul(found)
    }
}

/// What the claims of a store remember of their ways.
#[derive(Clone, Debug, Default)]
pub(in crate::store::postgres) struct Walks(Arc<Mutex<Memory>>);

#[derive(Debug, Default)]
struct Memory {
    /// Claims that look at groups yet.
    detour: u32,
    trails: Vec<Trail>,
}

impl Memory {
    /// Notes a walk from the head: the claims after a long one go another way, ahead only if the one before was
    /// long as well.
    fn note_head(&mut self, claim: &Claim, walked: &Walked<'_>, found_all: bool, again: bool) {
        if !found_all {
            if walked.is_longer_than(LONG_FOR_LITTLE) {
                self.detour = DETOUR;
            }
        } else if walked.is_longer_than(LONG) && claim.except.is_empty() && !walked.taken.is_empty()
        {
            let mut marks = Marks::default();
            marks.note(walked.taken);
            self.trails.truncate(TRAILS - 1);
            let ahead = match again {
                true => walked.took.saturating_mul(AHEAD).min(AHEAD_AT_MOST),
                false => Duration::ZERO,
            };
            let trail = Trail {
                job_ids: claim.job_ids.clone(),
                queues: claim.queues.clone(),
                marks,
                until: walked.began + walked.took + ahead,
            };
            self.trails.insert(0, trail);
        }
    }
}

/// Where claims for the same go on, after a walk from the head that was long.
#[derive(Debug)]
struct Trail {
    job_ids: Vec<String>,
    queues: Vec<String>,
    marks: Marks,
    /// Over from the beginning, if it may have been chance.
    until: Instant,
}

impl Trail {
    fn is_of(&self, claim: &Claim) -> bool {
        // One that passes queues over says little about the way of those that do not.
        claim.except.is_empty() && self.job_ids == claim.job_ids && self.queues == claim.queues
    }
}

impl Walks {
    /// The way that a claim goes. One that passes queues over leaves what another may take.
    pub(in crate::store::postgres) fn way(&self, claim: &Claim, now: Instant) -> Way {
        let mut memory = self.memory();
        if claim.except.is_empty()
            && claim.limit > 1
            && let Some(trail) = memory.trails.iter().find(|trail| trail.is_of(claim))
            && now < trail.until
        {
            return Way::Ahead(trail.marks.clone());
        }
        match memory.detour {
            0 => Way::Head,
            _ => {
                memory.detour -= 1;
                Way::Groups
            }
        }
    }

    /// Notes how a claim fared.
    pub(in crate::store::postgres) fn note(&self, claim: &Claim, walked: &Walked<'_>) {
        let mut memory = self.memory();
        let place = memory.trails.iter().position(|trail| trail.is_of(claim));
        let found_all = walked.found >= walked.wanted;
        match (walked.way, place) {
            (Way::Groups, _) | (Way::Ahead(_), None) => {}
            (Way::Ahead(_), Some(place)) if found_all => {
                memory.trails[place].marks.note(walked.taken);
            }
            (Way::Ahead(_) | Way::Head, _) => {
                if let Some(place) = place {
                    memory.trails.swap_remove(place);
                }
                if *walked.way == Way::Head {
                    memory.note_head(claim, walked, found_all, place.is_some());
                }
            }
        }
    }

    fn memory(&self) -> MutexGuard<'_, Memory> {
        // Whatever it holds is true or costs a walk.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::{Caps, SessionId};
    use crate::time::Timestamp;

    const LIMIT: usize = 100;

    fn claim() -> Claim {
        Claim {
            session: SessionId(1),
            number: 1,
            job_ids: vec!["job".to_owned()],
            queues: Vec::new(),
            except: Vec::new(),
            only: Vec::new(),
            limit: LIMIT,
            caps: Caps::default(),
            now: Timestamp::default(),
        }
    }

    /// Notes a walk of so many milliseconds.
    fn walk(walks: &Walks, way: &Way, taken: &[(i16, i64)], found: usize, millis: u64) -> Instant {
        let began = crate::clock::real_now();
        let took = Duration::from_millis(millis);
        let walked = Walked {
            way,
            wanted: LIMIT,
            found,
            taken,
            began,
            took,
        };
        walks.note(&claim(), &walked);
        began + took
    }

    #[test]
    fn after_two_long_walks_that_found_all_claims_go_ahead_for_a_while() {
        let walks = Walks::default();
        let end = walk(&walks, &Way::Head, &[(40, 2)], LIMIT, 20);
        assert_eq!(walks.way(&claim(), end), Way::Head);
        let end = walk(&walks, &Way::Head, &[(40, 9), (50, 3), (40, 7)], LIMIT, 20);
        let Way::Ahead(marks) = walks.way(&claim(), end) else {
            panic!("not ahead");
        };
        let (ranks, numbers, until) = marks.ranges();
        assert_eq!(ranks, [i16::MIN, 40, 50]);
        assert_eq!(numbers, [0, 9, 3]);
        assert_eq!(until, [40, 50, i16::MAX]);
        walk(&walks, &Way::Ahead(marks), &[(50, 8), (60, 1)], LIMIT, 20);
        let Way::Ahead(marks) = walks.way(&claim(), end) else {
            panic!("not ahead");
        };
        assert_eq!(marks.ranges().1, [0, 9, 8, 1]);
        let much_later = end + Duration::from_millis(20 * u64::from(AHEAD));
        assert_eq!(walks.way(&claim(), much_later), Way::Head);
        // It was long before: once more is enough.
        let end = walk(&walks, &Way::Head, &[(50, 30)], LIMIT, 20);
        assert!(matches!(walks.way(&claim(), end), Way::Ahead(_)));
    }

    #[test]
    fn a_short_walk_between_two_long_ones_shows_that_it_was_chance() {
        let walks = Walks::default();
        walk(&walks, &Way::Head, &[(50, 3)], LIMIT, 20);
        walk(&walks, &Way::Head, &[(50, 4)], LIMIT, 2);
        let end = walk(&walks, &Way::Head, &[(50, 5)], LIMIT, 20);
        assert_eq!(walks.way(&claim(), end), Way::Head);
    }

    #[test]
    fn a_claim_that_does_not_find_enough_ahead_is_the_last_to_go_there() {
        let walks = Walks::default();
        walk(&walks, &Way::Head, &[(50, 2)], LIMIT, 20);
        let end = walk(&walks, &Way::Head, &[(50, 3)], LIMIT, 20);
        let way = walks.way(&claim(), end);
        assert!(matches!(way, Way::Ahead(_)));
        walk(&walks, &way, &[(50, 8)], LIMIT - 1, 1);
        assert_eq!(walks.way(&claim(), end), Way::Head);
    }

    #[test]
    fn claims_for_something_else_begin_at_the_head() {
        let walks = Walks::default();
        walk(&walks, &Way::Head, &[(50, 2)], LIMIT, 20);
        let end = walk(&walks, &Way::Head, &[(50, 3)], LIMIT, 20);
        let other = Claim {
            queues: vec!["mail".to_owned()],
            ..claim()
        };
        assert_eq!(walks.way(&other, end), Way::Head);
        let passing_over = Claim {
            except: vec!["mail".to_owned()],
            ..claim()
        };
        assert_eq!(walks.way(&passing_over, end), Way::Head);
    }

    #[test]
    fn after_a_long_walk_that_found_little_claims_look_at_groups() {
        let walks = Walks::default();
        let end = walk(&walks, &Way::Head, &[], 0, 20);
        for _ in 0..DETOUR {
            assert_eq!(walks.way(&claim(), end), Way::Groups);
        }
        assert_eq!(walks.way(&claim(), end), Way::Head);
    }

    #[test]
    fn a_short_walk_changes_nothing() {
        let walks = Walks::default();
        let end = walk(&walks, &Way::Head, &[(50, 3)], LIMIT, 3);
        assert_eq!(walks.way(&claim(), end), Way::Head);
        // Nor does a walk that found only what has limits: that has an order of its own.
        let end = walk(&walks, &Way::Head, &[], LIMIT, 100);
        assert_eq!(walks.way(&claim(), end), Way::Head);
    }
}
