//! Stories that went wrong: one step a line, in the words of [`Step`], as JSON.

use std::hash::{DefaultHasher, Hash, Hasher};

use super::step::Step;
use crate::conformance::Backend;

/// A story by the name of its file.
macro_rules! ours {
    ($($name:literal,)*) => {
        &[$((
            concat!($name, ".jsonl"),
            include_str!(concat!("../../../conformance-regressions/", $name, ".jsonl")),
        ),)*]
    };
}

/// Those that come with the suite.
const OURS: &[(&str, &str)] = ours![
    "a-claim-beyond-its-limit",
    "a-failure-that-was-not-spent",
    "a-number-that-stood-still",
    "a-release-of-what-shall-be-cancelled",
    "a-retry-that-was-no-longer-due",
    "a-session-half-taken-over",
    "a-settlement-without-its-fence",
    "an-order-without-urgency",
];

/// Ours, and those that the backend has kept, by name.
pub(super) fn all(backend: &dyn Backend) -> Result<Vec<(String, String)>, String> {
    let mut all: Vec<_> = OURS
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
        if name.ends_with(".jsonl") && all.iter().all(|(known, _)| *known != name) {
            let text = std::fs::read_to_string(path).map_err(|error| error.to_string())?;
            all.push((name, text));
        }
    }
    Ok(all)
}

pub(super) fn read(text: &str) -> Result<Vec<Step>, serde_json::Error> {
    let lines = text.lines().filter(|line| !line.starts_with('#'));
    lines.map(serde_json::from_str).collect()
}

pub(super) fn write(story: &[Step]) -> String {
    let lines = story
        .iter()
        .map(|step| serde_json::to_string(step).expect("steps are plain"));
    lines.map(|line| line + "\n").collect()
}

/// Keeps a story where the backend says, and tells the place.
pub(super) fn keep(backend: &dyn Backend, text: &str) -> String {
    let Some(directory) = backend.regressions() else {
        return String::new();
    };
    let mut hasher = DefaultHasher::new();
    text.hash(&mut hasher);
    let backend = backend.name().replace(' ', "-");
    let path = directory.join(format!("{backend}-{:08x}.jsonl", hasher.finish() as u32));
    let written = std::fs::create_dir_all(&directory).and_then(|()| std::fs::write(&path, text));
    match written {
        Ok(()) => format!(", kept as {}", path.display()),
        Err(error) => format!(", which could not be kept as {}: {error}", path.display()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_kept_story_comes_with_the_suite_and_can_be_read() {
        let directory = concat!(env!("CARGO_MANIFEST_DIR"), "/conformance-regressions");
        let mut names: Vec<_> = std::fs::read_dir(directory)
            .unwrap()
            .map(|file| file.unwrap().file_name().into_string().unwrap())
            .filter(|name| name.ends_with(".jsonl"))
            .collect();
        names.sort();
        let ours: Vec<_> = OURS.iter().map(|(name, _)| *name).collect();
        assert_eq!(ours, names);
        for (name, text) in OURS {
            let story = read(text).unwrap();
            assert_eq!(read(&write(&story)).unwrap().len(), story.len(), "{name}");
            assert!(!story.is_empty());
        }
    }
}
