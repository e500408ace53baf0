//! The contract as a document: `docs/conformance.md`.

use std::fmt::Write as _;

/// Returns every requirement as Markdown: the text of `docs/conformance.md`.
pub fn document() -> String {
    let mut text = String::from(include_str!("document.md"));
    let mut area = "";
    for requirement in super::requirements() {
        if requirement.area != area {
            area = requirement.area;
            let _ = write!(text, "\n## {area}\n\n| name | requirement |\n|---|---|\n");
        }
        let (name, promise) = (requirement.name, requirement.promise);
        let _ = writeln!(text, "| `{name}` | {promise} |");
    }
    text
}
