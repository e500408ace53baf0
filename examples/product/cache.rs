//! A job on a schedule: it deletes files of a cache that are older than an age.
//!
//! ```text
//! cargo run -- exec maintenance.cache.cleanup --max-age-hours 1
//! cargo run -- schedules show maintenance.cache.cleanup:1
//! ```

use std::fs;
use std::io;
use std::time::{Duration, SystemTime};

use jobs::{JobContext, JobError, job};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::directory;

/// The result of a cleanup.
#[derive(Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct CacheReport {
    /// The number of deleted files.
    pub deleted: u64,
    /// Their size in bytes.
    pub freed_bytes: u64,
    /// The number of files that were kept.
    pub kept: u64,
}

/// Periodic cache cleanup.
///
/// Runs every hour. A cleanup that no worker starts within the hour expires: the next one does its
/// work.
#[job(
    id = "maintenance.cache.cleanup",
    routing_key = "jobs.maintenance.cache",
    timeout = "5m",
    retries = [30, 60, 120],
    max_attempts = 3,
    schedule = ("0 * * * *", catch_up = "none"),
    expires = "1h",
    rename_all = "camelCase",
    tags = ["sample", "product"]
)]
pub fn clean_cache(
    ctx: &JobContext,
    /// The age from which a file is deleted, in hours.
    #[default(24)]
    max_age_hours: u32,
) -> Result<CacheReport, JobError> {
    let mut report = CacheReport::default();
    let max_age = Duration::from_secs(u64::from(max_age_hours) * 3_600);
    let entries = match fs::read_dir(directory("CACHE_DIRECTORY", "cache")) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(report),
        entries => entries?,
    };
    for entry in entries {
        ctx.check()?;
        let entry = entry?;
        let metadata = match entry.metadata() {
            // Another process has deleted it.
            Err(error) if error.kind() == io::ErrorKind::NotFound => continue,
            metadata => metadata?,
        };
        if !metadata.is_file() || !is_older(metadata.modified()?, max_age, ctx.now()) {
            report.kept += 1;
            continue;
        }
        match fs::remove_file(entry.path()) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => continue,
            removed => removed?,
        }
        report.deleted += 1;
        report.freed_bytes += metadata.len();
    }
    Ok(report)
}

/// Returns whether a file was last changed longer than `age` ago.
fn is_older(modified: SystemTime, age: Duration, now: SystemTime) -> bool {
    now.duration_since(modified).is_ok_and(|past| past >= age)
}
