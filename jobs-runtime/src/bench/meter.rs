//! What a trial costs.

use std::time::{Duration, Instant};

use super::error::BenchError;
use super::gauge::{Gauge, Reading};
use super::statements;
use crate::clock::real_now;

/// Runs while a trial does.
#[derive(Debug)]
pub(crate) struct Meter {
    counters: Counters,
    sent: (u64, u64),
    cpu: Duration,
    since: Instant,
}

/// A database's counters before a trial.
#[derive(Debug)]
pub(crate) struct Counters {
    gauge: Gauge,
    before: Reading,
}

/// What was used between a meter's start and its stop.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Usage {
    pub(crate) elapsed: Duration,
    /// Of this process; a database server's is its own.
    pub(crate) cpu: Duration,
    pub(crate) round_trips: u64,
    pub(crate) commits: u64,
    /// `None` where there is no such log to read.
    pub(crate) wal_bytes: Option<u64>,
    /// `None` where there are none.
    pub(crate) dead_tuples: Option<u64>,
}

impl Counters {
    /// Reads them once every connection of ours is closed, which is when a server has heard of all
    /// that was done on it.
    pub(crate) async fn read(mut gauge: Gauge) -> Result<Self, BenchError> {
        let before = gauge.read().await?;
        Ok(Self { gauge, before })
    }

    /// Starts the clock.
    pub(crate) fn start(self) -> Meter {
        Meter {
            counters: self,
            sent: statements::sent(),
            cpu: processor_time(),
            since: real_now(),
        }
    }
}

impl Meter {
    /// Stops the clock. The rest is to be read when the store is closed.
    pub(crate) fn stop(self) -> Stopped {
        Stopped {
            elapsed: self.since.elapsed(),
            cpu: processor_time().saturating_sub(self.cpu),
            sent: statements::sent(),
            meter: self,
        }
    }
}

/// A meter whose clock has been stopped.
#[derive(Debug)]
pub(crate) struct Stopped {
    elapsed: Duration,
    cpu: Duration,
    sent: (u64, u64),
    meter: Meter,
}

impl Stopped {
    /// Asks the database for the rest, which takes its time.
    pub(crate) async fn read(mut self) -> Result<Usage, BenchError> {
        let counters = &mut self.meter.counters;
        let after = counters.gauge.read().await?;
        let before = counters.before;
        let (sent_before, commits_before) = self.meter.sent;
        let wal = after.wal_bytes.zip(before.wal_bytes);
        Ok(Usage {
            elapsed: self.elapsed,
            cpu: self.cpu,
            round_trips: self.sent.0 - sent_before,
            commits: match after.commits.zip(before.commits) {
                Some((after, before)) => after.saturating_sub(before),
                // Those of a store in this process are seen going out.
                None => self.sent.1 - commits_before,
            },
            wal_bytes: wal.map(|(after, before)| after.saturating_sub(before)),
            dead_tuples: after.dead_tuples,
        })
    }
}

/// What this process has used, by the kernel; in units of 10 ms.
pub(crate) fn processor_time() -> Duration {
    // `utime` and `stime` are the 14th and 15th field; the second is a name, in parentheses.
    let stat = std::fs::read_to_string("/proc/self/stat").unwrap_or_default();
    let fields = stat.rsplit(')').next().unwrap_or_default();
    let ticks = fields.split_whitespace().skip(11).take(2);
    let ticks: u64 = ticks.filter_map(|field| field.parse::<u64>().ok()).sum();
    Duration::from_millis(ticks * 10)
}

/// How often this process has slept and woken, in all of its threads that live.
pub(crate) fn wake_ups() -> u64 {
    let threads = std::fs::read_dir("/proc/self/task").into_iter().flatten();
    let of_thread = |path: std::path::PathBuf| {
        let status = std::fs::read_to_string(path.join("status")).ok()?;
        number_after(&status, "voluntary_ctxt_switches:")
    };
    let counts = threads.flatten().filter_map(|one| of_thread(one.path()));
    counts.sum()
}

/// Bytes of memory that this process has now.
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
    fn the_kernel_is_understood() {
        let began = real_now();
        let before = processor_time();
        while processor_time() == before && began.elapsed() < Duration::from_secs(20) {}
        assert!(processor_time() > before, "work takes processor time");
        assert!(wake_ups() > 0);
        assert!(resident_bytes() > Some(100_000));
    }
}
