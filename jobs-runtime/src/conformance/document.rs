//! The contract as a document.

use std::fmt::Write as _;

/// Every point with its promise, as Markdown: what `docs/conformance.md` holds.
pub fn document() -> String {
    let mut text = String::from(include_str!("document.md"));
    let mut area = "";
    for point in super::requirements() {
        if point.area != area {
            area = point.area;
            let _ = write!(text, "\n## {area}\n\n| point | promise |\n|---|---|\n");
        }
        let later = match point.waits_for() {
            Some(what) => format!(" *Not yet: {what}.*"),
            None => String::new(),
        };
        let _ = writeln!(text, "| `{}` | {}{later} |", point.name, point.promise);
    }
    text
}
