//! Recorded sequences: each has failed once. A file has one [`Step`] a line, as JSON.

use std::hash::{DefaultHasher, Hash, Hasher};

use super::step::Step;
use crate::conformance::Backend;

/// Includes the recorded sequences with these file names.
macro_rules! recorded {
    ($($name:literal,)*) => {
        &[$((
            concat!($name, ".jsonl"),
            include_str!(concat!("../../../conformance-regressions/", $name, ".jsonl")),
        ),)*]
    };
}

/// The recorded sequences of the suite.
const RECORDED: &[(&str, &str)] = recorded![
    "a-claim-beyond-its-limit",
    "a-failure-that-spent-no-attempt",
    "a-manual-retry-after-a-cancelled-retry",
    "a-release-after-a-cancel-request",
    "a-session-half-taken-over",
    "a-settlement-with-a-wrong-fence",
    "an-attempt-number-that-did-not-grow",
    "an-order-without-priority",
];

/// Returns the recorded sequences of the suite and of the backend, by file name.
pub(super) fn all(backend: &dyn Backend) -> Result<Vec<(String, String)>, String> {
    let mut all: Vec<_> = RECORDED
        .iter()
        .map(|(name, text)| ((*name).to_owned(), (*text).to_owned()))
        .collect();
    let Some(directory) = backend.regressions().filter(|path| path.exists()) else {
        return Ok(all);
    };
    let files = std::fs::read_dir(directory).map_err(|error| error.to_string())?;
    for file in files {
        let path = file.map_err(|error| error.to_string())?.path();
        let name = path
            .file_name()
            .map(|name| name.to_string_lossy().into_owned());
        let name = name.unwrap_or_default();
        if name.ends_with(".jsonl") && all.iter().all(|(other, _)| *other != name) {
            let text = std::fs::read_to_string(path).map_err(|error| error.to_string())?;
            all.push((name, text));
        }
    }
    Ok(all)
}

/// Parses a recorded sequence. Lines that begin with `#` are comments.
pub(super) fn read(text: &str) -> Result<Vec<Step>, serde_json::Error> {
    let lines = text.lines().filter(|line| !line.starts_with('#'));
    lines.map(serde_json::from_str).collect()
}

/// Formats a sequence, one step a line.
pub(super) fn write(sequence: &[Step]) -> String {
    let lines = sequence
        .iter()
        .map(|step| serde_json::to_string(step).expect("steps are JSON"));
    lines.map(|line| line + "\n").collect()
}

/// Writes a sequence to the backend's directory. Returns a note with its path.
pub(super) fn record(backend: &dyn Backend, text: &str) -> String {
    let Some(directory) = backend.regressions() else {
        return String::new();
    };
    let mut hasher = DefaultHasher::new();
    text.hash(&mut hasher);
    let backend = backend.name().replace(' ', "-");
    let path = directory.join(format!("{backend}-{:08x}.jsonl", hasher.finish() as u32));
    let written = std::fs::create_dir_all(&directory).and_then(|()| std::fs::write(&path, text));
    match written {
        Ok(()) => format!(", recorded as {}", path.display()),
        Err(error) => format!(
            ", which could not be recorded as {}: {error}",
            path.display()
        ),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_recorded_sequence_is_included_and_can_be_read() {
        let directory = concat!(env!("CARGO_MANIFEST_DIR"), "/conformance-regressions");
        let mut names: Vec<_> = std::fs::read_dir(directory)
            .unwrap()
            .map(|file| file.unwrap().file_name().into_string().unwrap())
            .filter(|name| name.ends_with(".jsonl"))
            .collect();
        names.sort();
        let recorded: Vec<_> = RECORDED.iter().map(|(name, _)| *name).collect();
        assert_eq!(recorded, names);
        for (name, text) in RECORDED {
            let sequence = read(text).unwrap();
            let again = read(&write(&sequence)).unwrap();
            assert_eq!(again.len(), sequence.len(), "{name}");
            assert!(!sequence.is_empty());
        }
    }
}
