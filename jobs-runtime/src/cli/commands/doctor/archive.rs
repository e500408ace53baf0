//! The check of the archive's directory.

use std::path::Path;

use super::CheckResult;
use crate::archive::check_directory;
use crate::{ArchiveFile, ArchiveReader};

/// Checks that the directory can be written, and that no file is shorter than its manifest says.
pub(super) fn check(directory: &Path) -> CheckResult {
    const CHECK: &str = "archive";
    if !directory.exists() {
        let parent = directory.parent().filter(|it| !it.as_os_str().is_empty());
        let detail = directory.display();
        return match parent {
            Some(parent) if !parent.is_dir() => CheckResult::warning(
                CHECK,
                format!("{detail} and its parent do not exist: the first pass creates them"),
            ),
            _ => CheckResult::ok(CHECK, format!("{detail}: the first pass creates it")),
        };
    }
    let files = check_directory(directory).and_then(|()| ArchiveReader::new(directory).files());
    match files {
        Err(error) => CheckResult::problem(CHECK, crate::error::chain(&error).to_string()),
        Ok(files) => {
            let truncated = ArchiveFile::truncated(&files);
            if truncated.is_empty() {
                let detail = format!("{}: {} files", directory.display(), files.len());
                return CheckResult::ok(CHECK, detail);
            }
            let lost = "shorter than their manifests say: restore a backup";
            CheckResult::problem(CHECK, format!("{truncated} are {lost}"))
        }
    }
}
