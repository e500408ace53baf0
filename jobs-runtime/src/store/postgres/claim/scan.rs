//! Strategies by which a claim scans `ready`.
//!
//! | strategy | scans | used |
//! |---|---|---|
//! | head | the order of claims, from its head | by default |
//! | group | the head of each queue and job | see below |
//! | resume | behind the last `seq` taken at each rank | after two slow scans that found enough |
//!
//! A scan from the head is exact. It is slow if many index entries lie in front that it may not
//! take: executions of other programs' jobs, or dead entries that an old snapshot keeps from being
//! vacuumed. A single slow scan may be due to a busy machine, so resuming needs two of them.
//!
//! **Group** is used by the next 200 claims of the store after a slow scan from the head that found
//! too few. A valid resume point has precedence.
//!
//! **Resume** skips, at each rank, every `seq` up to the highest taken (the [`ResumePoint`]). A new
//! execution has a higher one, so the scan finds it. One that becomes ready later with a lower
//! `seq` (mostly a retry) waits for the next scan from the head. A resume point is used for seven
//! times the duration of the slow scan, and for 2 s at most. A scan that finds too little drops it.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use crate::store::Claim;

/// A scan is slow if it takes longer than the first duration, plus the second one for each
/// execution found. [`SLOW_FULL`] judges scans that found enough, [`SLOW_PARTIAL`] the others.
const SLOW_FULL: (Duration, Duration) = (Duration::from_millis(10), Duration::from_micros(12));
const SLOW_PARTIAL: (Duration, Duration) = (Duration::from_millis(15), Duration::from_micros(50));

/// Time that a resume point is used for, as a multiple of the duration of the scan from the head:
/// an eighth of the time goes into scans from the head.
const RESUME_FACTOR: u32 = 7;

/// Longest time that a resume point is used for.
const MAX_RESUME: Duration = Duration::from_secs(2);

/// Claims by group after a slow scan that found too few.
const GROUP_SCANS: u32 = 200;

/// Resume points that are kept: one for each combination of jobs and queues that claims name.
const MAX_SAVED: usize = 4;

/// Strategy of a scan; see the module's documentation.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::store::postgres) enum ScanStrategy {
    /// In the order of claims, from its head.
    FromHead,
    /// In the order of claims, behind a resume point.
    Resume(ResumePoint),
    /// From the head of each pair of queue and job.
    ByGroup,
}

/// Highest `seq` that was taken at each rank.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(in crate::store::postgres) struct ResumePoint(BTreeMap<i16, i64>);

impl ResumePoint {
    /// Advances past executions that were taken.
    fn note(&mut self, taken: &[(i16, i64)]) {
        for &(rank, seq) in taken {
            let mark = self.0.entry(rank).or_insert(seq);
            *mark = seq.max(*mark);
        }
    }

    /// Returns the ranges behind the point in the order of claims. Each begins behind a rank and a
    /// seq and ends before a rank.
    pub(in crate::store::postgres) fn ranges(&self) -> (Vec<i16>, Vec<i64>, Vec<i16>) {
        let taken = self.0.iter().map(|(rank, seq)| (*rank, *seq));
        let begins = std::iter::once((i16::MIN, 0)).chain(taken);
        let ends = self.0.keys().copied().chain([i16::MAX]);
        let (ranks, numbers) = begins.unzip();
        (ranks, numbers, ends.collect())
    }
}

/// A finished scan.
#[derive(Clone, Copy, Debug)]
pub(in crate::store::postgres) struct Scan<'w> {
    pub(in crate::store::postgres) strategy: &'w ScanStrategy,
    /// Number of executions that it was to find, and has found.
    pub(in crate::store::postgres) wanted: usize,
    pub(in crate::store::postgres) found: usize,
    /// Ranks and seqs of the executions without limits. Others have an index of their own.
    pub(in crate::store::postgres) taken: &'w [(i16, i64)],
    pub(in crate::store::postgres) began: Instant,
    pub(in crate::store::postgres) took: Duration,
}

impl Scan<'_> {
    fn is_slower_than(&self, (at_least, of_each): (Duration, Duration)) -> bool {
        let found = u32::try_from(self.found).unwrap_or(u32::MAX);
        self.took > at_least + of_each.saturating_mul(found)
    }
}

/// Results of the last scans of a store, by which a claim's strategy is chosen.
#[derive(Clone, Debug, Default)]
pub(in crate::store::postgres) struct ScanHistory(Arc<Mutex<History>>);

#[derive(Debug, Default)]
struct History {
    /// Number of claims that will still scan by group.
    group_scans_left: u32,
    saved: Vec<SavedPoint>,
}

impl History {
    /// Notes a scan from the head. After a slow one the strategy changes; to a resume point only if
    /// the one before was slow as well (`again`).
    fn note_head(&mut self, claim: &Claim, scan: &Scan<'_>, found_all: bool, again: bool) {
        if !found_all {
            if scan.is_slower_than(SLOW_PARTIAL) {
                self.group_scans_left = GROUP_SCANS;
            }
        } else if scan.is_slower_than(SLOW_FULL)
            && claim.except.is_empty()
            && !scan.taken.is_empty()
        {
            let mut point = ResumePoint::default();
            point.note(scan.taken);
            self.saved.truncate(MAX_SAVED - 1);
            let ahead = if again {
                scan.took.saturating_mul(RESUME_FACTOR).min(MAX_RESUME)
            } else {
                Duration::ZERO
            };
            let saved = SavedPoint {
                job_ids: claim.job_ids.clone(),
                queues: claim.queues.clone(),
                point,
                until: scan.began + scan.took + ahead,
            };
            self.saved.insert(0, saved);
        }
    }
}

/// Resume point of claims for the same jobs and queues, after a slow scan from the head.
#[derive(Debug)]
struct SavedPoint {
    job_ids: Vec<String>,
    queues: Vec<String>,
    point: ResumePoint,
    /// End of its use; after the first slow scan, which may have been chance, the end of that scan.
    until: Instant,
}

impl SavedPoint {
    fn is_of(&self, claim: &Claim) -> bool {
        // A claim that excludes queues passes over executions that other claims may take.
        claim.except.is_empty() && self.job_ids == claim.job_ids && self.queues == claim.queues
    }
}

impl ScanHistory {
    /// Chooses the strategy of a claim. A claim that excludes queues uses no resume point: it
    /// passes over executions that other claims may take. Neither does a claim of one execution.
    pub(in crate::store::postgres) fn strategy(&self, claim: &Claim, now: Instant) -> ScanStrategy {
        let mut history = self.history();
        if claim.except.is_empty()
            && claim.limit > 1
            && let Some(saved) = history.saved.iter().find(|saved| saved.is_of(claim))
            && now < saved.until
        {
            return ScanStrategy::Resume(saved.point.clone());
        }
        match history.group_scans_left {
            0 => ScanStrategy::FromHead,
            _ => {
                history.group_scans_left -= 1;
                ScanStrategy::ByGroup
            }
        }
    }

    /// Notes a finished scan.
    pub(in crate::store::postgres) fn note(&self, claim: &Claim, scan: &Scan<'_>) {
        let mut history = self.history();
        let place = history.saved.iter().position(|saved| saved.is_of(claim));
        let found_all = scan.found >= scan.wanted;
        match (scan.strategy, place) {
            (ScanStrategy::ByGroup, _) | (ScanStrategy::Resume(_), None) => {}
            (ScanStrategy::Resume(_), Some(place)) if found_all => {
                history.saved[place].point.note(scan.taken);
            }
            (ScanStrategy::Resume(_) | ScanStrategy::FromHead, _) => {
                if let Some(place) = place {
                    history.saved.swap_remove(place);
                }
                if *scan.strategy == ScanStrategy::FromHead {
                    history.note_head(claim, scan, found_all, place.is_some());
                }
            }
        }
    }

    fn history(&self) -> MutexGuard<'_, History> {
        // A history that a panic has left incomplete costs a slow scan at most.
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

    /// Notes a scan of so many milliseconds.
    fn note_scan(
        scans: &ScanHistory,
        strategy: &ScanStrategy,
        taken: &[(i16, i64)],
        found: usize,
        millis: u64,
    ) -> Instant {
        let began = crate::clock::real_now();
        let took = Duration::from_millis(millis);
        let scan = Scan {
            strategy,
            wanted: LIMIT,
            found,
            taken,
            began,
            took,
        };
        scans.note(&claim(), &scan);
        began + took
    }

    #[test]
    fn two_slow_scans_that_found_enough_are_followed_by_resumed_ones_for_a_while() {
        let scans = ScanHistory::default();
        let end = note_scan(&scans, &ScanStrategy::FromHead, &[(40, 2)], LIMIT, 20);
        assert_eq!(scans.strategy(&claim(), end), ScanStrategy::FromHead);
        let end = note_scan(
            &scans,
            &ScanStrategy::FromHead,
            &[(40, 9), (50, 3), (40, 7)],
            LIMIT,
            20,
        );
        let ScanStrategy::Resume(point) = scans.strategy(&claim(), end) else {
            panic!("no resume point");
        };
        let (ranks, numbers, until) = point.ranges();
        assert_eq!(ranks, [i16::MIN, 40, 50]);
        assert_eq!(numbers, [0, 9, 3]);
        assert_eq!(until, [40, 50, i16::MAX]);
        note_scan(
            &scans,
            &ScanStrategy::Resume(point),
            &[(50, 8), (60, 1)],
            LIMIT,
            20,
        );
        let ScanStrategy::Resume(point) = scans.strategy(&claim(), end) else {
            panic!("no resume point");
        };
        assert_eq!(point.ranges().1, [0, 9, 8, 1]);
        let much_later = end + Duration::from_millis(20 * u64::from(RESUME_FACTOR));
        assert_eq!(scans.strategy(&claim(), much_later), ScanStrategy::FromHead);
        // The scan before was slow, so one more is enough.
        let end = note_scan(&scans, &ScanStrategy::FromHead, &[(50, 30)], LIMIT, 20);
        assert!(matches!(
            scans.strategy(&claim(), end),
            ScanStrategy::Resume(_)
        ));
    }

    #[test]
    fn a_fast_scan_between_two_slow_ones_keeps_the_strategy() {
        let scans = ScanHistory::default();
        note_scan(&scans, &ScanStrategy::FromHead, &[(50, 3)], LIMIT, 20);
        note_scan(&scans, &ScanStrategy::FromHead, &[(50, 4)], LIMIT, 2);
        let end = note_scan(&scans, &ScanStrategy::FromHead, &[(50, 5)], LIMIT, 20);
        assert_eq!(scans.strategy(&claim(), end), ScanStrategy::FromHead);
    }

    #[test]
    fn a_resume_point_that_finds_too_little_is_dropped() {
        let scans = ScanHistory::default();
        note_scan(&scans, &ScanStrategy::FromHead, &[(50, 2)], LIMIT, 20);
        let end = note_scan(&scans, &ScanStrategy::FromHead, &[(50, 3)], LIMIT, 20);
        let strategy = scans.strategy(&claim(), end);
        assert!(matches!(strategy, ScanStrategy::Resume(_)));
        note_scan(&scans, &strategy, &[(50, 8)], LIMIT - 1, 1);
        assert_eq!(scans.strategy(&claim(), end), ScanStrategy::FromHead);
    }

    #[test]
    fn claims_for_other_queues_scan_from_the_head() {
        let scans = ScanHistory::default();
        note_scan(&scans, &ScanStrategy::FromHead, &[(50, 2)], LIMIT, 20);
        let end = note_scan(&scans, &ScanStrategy::FromHead, &[(50, 3)], LIMIT, 20);
        let other = Claim {
            queues: vec!["mail".to_owned()],
            ..claim()
        };
        assert_eq!(scans.strategy(&other, end), ScanStrategy::FromHead);
        let excluding = Claim {
            except: vec!["mail".to_owned()],
            ..claim()
        };
        assert_eq!(scans.strategy(&excluding, end), ScanStrategy::FromHead);
    }

    #[test]
    fn a_slow_scan_that_found_too_little_is_followed_by_scans_by_group() {
        let scans = ScanHistory::default();
        let end = note_scan(&scans, &ScanStrategy::FromHead, &[], 0, 20);
        for _ in 0..GROUP_SCANS {
            assert_eq!(scans.strategy(&claim(), end), ScanStrategy::ByGroup);
        }
        assert_eq!(scans.strategy(&claim(), end), ScanStrategy::FromHead);
    }

    #[test]
    fn a_fast_scan_keeps_the_strategy() {
        let scans = ScanHistory::default();
        let end = note_scan(&scans, &ScanStrategy::FromHead, &[(50, 3)], LIMIT, 3);
        assert_eq!(scans.strategy(&claim(), end), ScanStrategy::FromHead);
        // So does a scan that found only executions with limits, which have an index of their own.
        let end = note_scan(&scans, &ScanStrategy::FromHead, &[], LIMIT, 100);
        assert_eq!(scans.strategy(&claim(), end), ScanStrategy::FromHead);
    }
}
