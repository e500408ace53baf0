//! Values of the operating system about this process. Only Linux has them.

use std::fs;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// The clock ticks of a second in `/proc`, which Linux fixes for programs.
const TICKS_PER_SECOND: f64 = 100.0;

/// The figures of `/proc` about this process.
#[derive(Clone, Debug, Default)]
pub(super) struct ProcessReadings {
    /// Seconds since the Unix epoch.
    pub(super) started_at: f64,
    pub(super) cpu_seconds: f64,
    pub(super) resident_bytes: f64,
    pub(super) threads: f64,
    pub(super) open_fds: f64,
}

impl ProcessReadings {
    /// Reads `/proc/self`. `None` on other systems.
    pub(super) fn read() -> Option<Self> {
        let stat = fs::read_to_string("/proc/self/stat").ok()?;
        // The name of the program is in parentheses and may contain spaces.
        let fields: Vec<&str> = stat.rsplit_once(')')?.1.split_whitespace().collect();
        let field = |number: usize| fields.get(number - 3)?.parse::<f64>().ok();
        let status = fs::read_to_string("/proc/self/status").ok()?;
        let resident = status
            .lines()
            .find_map(|line| line.strip_prefix("VmRSS:"))?;
        let resident: f64 = resident.split_whitespace().next()?.parse().ok()?;
        let uptime = fs::read_to_string("/proc/uptime").ok()?;
        let uptime: f64 = uptime.split_whitespace().next()?.parse().ok()?;
        let booted = unix_now().as_secs_f64() - uptime;
        Some(Self {
            started_at: booted + field(22)? / TICKS_PER_SECOND,
            cpu_seconds: (field(14)? + field(15)?) / TICKS_PER_SECOND,
            resident_bytes: resident * 1024.0,
            threads: field(20)?,
            #[expect(clippy::cast_precision_loss, reason = "a process has fewer files")]
            open_fds: fs::read_dir("/proc/self/fd").ok()?.count() as f64,
        })
    }
}

/// The time of the operating system. The clock of the runtime may be a virtual one.
fn unix_now() -> Duration {
    #[expect(
        clippy::disallowed_methods,
        reason = "the start of the process is a time of the machine"
    )]
    let now = SystemTime::now();
    now.duration_since(UNIX_EPOCH).unwrap_or_default()
}
