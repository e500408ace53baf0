//! The files that the checks read: sources, SQL and pages of this repository.

use std::path::{Path, PathBuf};

/// The folders and pages that a reader meets.
const ROOTS: [&str; 12] = [
    "jobs",
    "jobs-macros",
    "jobs-runtime",
    "examples",
    "clients",
    "tests",
    "docs",
    "README.md",
    "ARCHITECTURE.md",
    "CONTRIBUTING.md",
    "CHANGELOG.md",
    "Cargo.toml",
];

/// Folders that are not checked: build output, the benchmarks of other systems, and this suite.
const SKIPPED: [&str; 3] = ["target", "peers", "words"];

/// A text file, with its path from the repository's root.
pub(crate) struct TextFile {
    pub(crate) path: String,
    pub(crate) text: String,
}

impl TextFile {
    pub(crate) fn has_extension(&self, extension: &str) -> bool {
        Path::new(&self.path)
            .extension()
            .is_some_and(|found| found == extension)
    }
}

/// The root of the repository.
pub(crate) fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

/// Every Rust, SQL, Markdown and TOML file of the repository, sorted by path.
pub(crate) fn all() -> Vec<TextFile> {
    let mut found = Vec::new();
    for name in ROOTS {
        collect(&root().join(name), name, &mut found);
    }
    found.sort_by(|one, other| one.path.cmp(&other.path));
    assert!(found.len() > 400, "only {} files were found", found.len());
    found
}

fn collect(place: &Path, name: &str, found: &mut Vec<TextFile>) {
    if place.is_dir() {
        let entries = std::fs::read_dir(place).expect("a folder of the repository can be listed");
        for entry in entries {
            let entry = entry.expect("an entry of a folder can be read");
            let file_name = entry.file_name().to_string_lossy().into_owned();
            if !SKIPPED.contains(&file_name.as_str()) {
                collect(&entry.path(), &format!("{name}/{file_name}"), found);
            }
        }
        return;
    }
    let read = ["rs", "sql", "md", "toml"];
    let extension = place.extension().and_then(|extension| extension.to_str());
    if extension.is_some_and(|extension| read.contains(&extension)) {
        let text = std::fs::read_to_string(place).expect("a text file is UTF-8");
        let path = name.to_owned();
        found.push(TextFile { path, text });
    }
}
