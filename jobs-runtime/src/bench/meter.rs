//! Meters for time, CPU, statements, commits, WAL and memory of a trial.

use std::time::{Duration, Instant};

use super::error::BenchError;
use super::monitor::{DatabaseCounters, Monitor};
use super::statements;
use crate::clock::real_now;

/// A meter that runs during a trial.
#[derive(Debug)]
pub(crate) struct RunningMeter {
    ready: ReadyMeter,
    /// Statements and commits before the trial.
    statements: (u64, u64),
    cpu: Duration,
    started_at: Instant,
}

/// A meter before its trial, with the counters of the database.
#[derive(Debug)]
pub(crate) struct ReadyMeter {
    monitor: Monitor,
    before: DatabaseCounters,
}

/// The resources that were used between the start and the stop of a meter.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Usage {
    pub(crate) elapsed: Duration,
    /// CPU time of this process, without a database server.
    pub(crate) cpu: Duration,
    pub(crate) round_trips: u64,
    pub(crate) commits: u64,
    /// `None` on an embedded store.
    pub(crate) wal_bytes: Option<u64>,
    /// `None` on an embedded store.
    pub(crate) dead_tuples: Option<u64>,
}

impl ReadyMeter {
    /// Reads the counters after all connections of this program are closed: only then does a server
    /// count everything that they did.
    pub(crate) async fn new(mut monitor: Monitor) -> Result<Self, BenchError> {
        let before = monitor.read().await?;
        Ok(Self { monitor, before })
    }

    /// Starts the clock.
    pub(crate) fn start(self) -> RunningMeter {
        RunningMeter {
            ready: self,
            statements: statements::counts(),
            cpu: processor_time(),
            started_at: real_now(),
        }
    }
}

impl RunningMeter {
    /// Stops the clock. The database's counters are read later, by [`StoppedMeter::read`].
    pub(crate) fn stop(self) -> StoppedMeter {
        StoppedMeter {
            elapsed: self.started_at.elapsed(),
            cpu: processor_time().saturating_sub(self.cpu),
            statements: statements::counts(),
            meter: self,
        }
    }
}

/// A meter after its trial.
#[derive(Debug)]
pub(crate) struct StoppedMeter {
    elapsed: Duration,
    cpu: Duration,
    statements: (u64, u64),
    meter: RunningMeter,
}

impl StoppedMeter {
    /// Reads the database's counters. The store must be closed: see [`ReadyMeter::new`].
    pub(crate) async fn read(mut self) -> Result<Usage, BenchError> {
        let ready = &mut self.meter.ready;
        let after = ready.monitor.read().await?;
        let before = ready.before;
        let (statements_before, commits_before) = self.meter.statements;
        let wal = after.wal_bytes.zip(before.wal_bytes);
        Ok(Usage {
            elapsed: self.elapsed,
            cpu: self.cpu,
            round_trips: self.statements.0 - statements_before,
            commits: match after.commits.zip(before.commits) {
                Some((after, before)) => after.saturating_sub(before),
                // An embedded store: every commit is a statement of this process.
                None => self.statements.1 - commits_before,
            },
            wal_bytes: wal.map(|(after, before)| after.saturating_sub(before)),
            dead_tuples: after.dead_tuples,
        })
    }
}

/// The CPU time of this process by the kernel, in steps of 10 ms.
pub(crate) fn processor_time() -> Duration {
    // `utime` and `stime` are the fields 14 and 15; field 2 is a name in parentheses.
    let stat = std::fs::read_to_string("/proc/self/stat").unwrap_or_default();
    let fields = stat.rsplit(')').next().unwrap_or_default();
    let ticks = fields.split_whitespace().skip(11).take(2);
    let ticks: u64 = ticks.filter_map(|field| field.parse::<u64>().ok()).sum();
    Duration::from_millis(ticks * 10)
}

/// Voluntary context switches of all live threads of this process.
pub(crate) fn wake_ups() -> u64 {
    let threads = std::fs::read_dir("/proc/self/task").into_iter().flatten();
    let of_thread = |path: std::path::PathBuf| {
        let status = std::fs::read_to_string(path.join("status")).ok()?;
        number_after(&status, "voluntary_ctxt_switches:")
    };
    let counts = threads.flatten().filter_map(|one| of_thread(one.path()));
    counts.sum()
}

/// Resident memory of this process, in bytes.
pub(crate) fn resident_bytes() -> Option<u64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    number_after(&status, "VmRSS:").map(|kilobytes| kilobytes * 1024)
}

fn number_after(text: &str, name: &str) -> Option<u64> {
    let line = text.lines().find_map(|line| line.strip_prefix(name))?;
    line.split_whitespace().next()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_kernels_figures_are_parsed() {
        let began = real_now();
        let before = processor_time();
        while processor_time() == before && began.elapsed() < Duration::from_secs(20) {}
        assert!(processor_time() > before, "work takes processor time");
        assert!(wake_ups() > 0);
        assert!(resident_bytes() > Some(100_000));
    }
}
