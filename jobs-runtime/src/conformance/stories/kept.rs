//! Stories that went wrong: one step a line, in the words of [`Step`], as JSON.

use std::hash::{DefaultHasher, Hash, Hasher};

use super::step::Step;
use crate::conformance::Ground;

/// Those that come with the suite.
const OURS: &[(&str, &str)] = &[];

/// Ours, and those that the ground has kept, by name.
pub(super) fn all(ground: &dyn Ground) -> Result<Vec<(String, String)>, String> {
    let mut all: Vec<_> = OURS
        .iter()
        .map(|(name, text)| ((*name).to_owned(), (*text).to_owned()))
        .collect();
    let Some(directory) = ground.kept_stories().filter(|path| path.exists()) else {
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

/// Keeps a story where the ground says, and tells the place.
pub(super) fn keep(ground: &dyn Ground, text: &str) -> String {
    let Some(directory) = ground.kept_stories() else {
        return String::new();
    };
    let mut hasher = DefaultHasher::new();
    text.hash(&mut hasher);
    let ground = ground.name().replace(' ', "-");
    let path = directory.join(format!("{ground}-{:08x}.jsonl", hasher.finish() as u32));
    let written = std::fs::create_dir_all(&directory).and_then(|()| std::fs::write(&path, text));
    match written {
        Ok(()) => format!(", kept as {}", path.display()),
        Err(error) => format!(", which could not be kept as {}: {error}", path.display()),
    }
}
