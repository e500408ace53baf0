//! The check of the free space beside an embedded store and in the archive.

use std::collections::BTreeMap;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use super::CheckResult;
use crate::cli::settings::Settings;
use crate::store::DatabaseUrl;

/// The free space below which a disk may be full within hours.
const LITTLE: u64 = 1 << 30;

/// Checks each disk once. A directory that does not exist is reported by its own check.
pub(super) fn check(settings: &Settings) -> Vec<CheckResult> {
    let mut directories: Vec<PathBuf> = Vec::new();
    if let Ok(DatabaseUrl::Sqlite { path, .. }) = settings.database.parse() {
        directories.push(directory_of(&path));
    }
    #[cfg(feature = "archive")]
    directories.extend(settings.archive.clone());
    let disks = directories.iter().filter_map(|directory| {
        let device = std::fs::metadata(directory).ok()?.dev();
        let disk = rustix::fs::statvfs(directory).ok()?;
        Some((device, (directory, disk.f_bavail * disk.f_frsize)))
    });
    let disks: BTreeMap<_, _> = disks.collect();
    let results = disks.into_values().map(|(directory, free)| {
        let megabytes = free >> 20;
        let detail = format!("{megabytes} MiB are free in {}", directory.display());
        if free < LITTLE {
            let hint = "make room, or shorten the retention";
            CheckResult::warning("disk", format!("{detail}: {hint}"))
        } else {
            CheckResult::ok("disk", detail)
        }
    });
    results.collect()
}

/// The directory of a file.
fn directory_of(file: &Path) -> PathBuf {
    match file.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent.to_owned(),
        _ => PathBuf::from("."),
    }
}
