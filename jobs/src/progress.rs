//! Progress reports of an attempt.

use std::sync::Mutex;
use std::sync::PoisonError;
use std::sync::atomic::{AtomicBool, Ordering};

/// The length in bytes at which a message is cut.
const MESSAGE_LIMIT: usize = 1024;

/// A progress report.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Progress {
    /// 0 to 100; never decreases within an attempt.
    pub percent: u8,
    /// The handler's description of the current step.
    pub message: Option<String>,
}

/// The latest progress report of one attempt, shared by its handler and its worker.
///
/// A new report replaces the previous one, so a handler never waits and never fills a queue. The
/// worker polls the cell and stores the latest report only.
#[derive(Debug, Default)]
pub struct ProgressCell {
    latest: Mutex<Option<Progress>>,
    changed: AtomicBool,
    /// Every report, for tests.
    #[cfg(feature = "testing")]
    reports: Option<Mutex<Vec<Progress>>>,
}

#[cfg(feature = "testing")]
impl ProgressCell {
    /// Creates a cell that also keeps every report.
    pub(crate) fn recording() -> Self {
        Self {
            reports: Some(Mutex::default()),
            ..Self::default()
        }
    }

    /// Every report of a recording cell, in order. Empty for other cells.
    pub(crate) fn reports(&self) -> Vec<Progress> {
        let reports = self.reports.as_ref();
        reports.map_or_else(Vec::new, |reports| {
            reports
                .lock()
                .unwrap_or_else(PoisonError::into_inner)
                .clone()
        })
    }

    fn record(&self, report: &Progress) {
        if let Some(reports) = &self.reports {
            let mut reports = reports.lock().unwrap_or_else(PoisonError::into_inner);
            reports.push(report.clone());
        }
    }
}

impl ProgressCell {
    /// Replaces the report.
    ///
    /// `percent` is clamped to 0–100, and raised to the previous percentage if it is lower.
    pub fn report(&self, percent: f64, message: Option<String>) {
        let mut latest = self.latest.lock().unwrap_or_else(PoisonError::into_inner);
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "clamped to 0–100 first; NaN becomes 0"
        )]
        let percent = percent.clamp(0.0, 100.0) as u8;
        let before = latest.as_ref().map_or(0, |progress| progress.percent);
        let report = Progress {
            percent: before.max(percent),
            message: message.map(shorten),
        };
        #[cfg(feature = "testing")]
        self.record(&report);
        *latest = Some(report);
        self.changed.store(true, Ordering::Release);
    }

    /// The latest report, if the handler has reported since the last call.
    pub fn take_changed(&self) -> Option<Progress> {
        let changed = self.changed.swap(false, Ordering::AcqRel);
        changed.then(|| self.latest()).flatten()
    }

    /// Makes the next [`take_changed`](Self::take_changed) return the latest report again, for a
    /// report that could not be written.
    pub fn mark_changed(&self) {
        self.changed.store(true, Ordering::Release);
    }

    /// The latest report, if the handler has reported at all.
    pub fn latest(&self) -> Option<Progress> {
        self.latest
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }
}

fn shorten(mut message: String) -> String {
    if message.len() > MESSAGE_LIMIT {
        message.truncate(message.floor_char_boundary(MESSAGE_LIMIT));
        message.push('…');
    }
    message
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reports_are_clamped_monotonic_and_coalesced() {
        let cell = ProgressCell::default();
        assert_eq!(cell.take_changed(), None);
        cell.report(140.0, Some("far".to_owned()));
        cell.report(3.0, Some("back".to_owned()));
        let progress = cell.take_changed().expect("reported twice");
        assert_eq!(progress.percent, 100);
        assert_eq!(progress.message.as_deref(), Some("back"));
        assert_eq!(cell.take_changed(), None);
    }
}
