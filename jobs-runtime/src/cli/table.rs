//! Text tables, and short forms of texts and durations.

use super::printable;

/// Rows under headings, each on one line. Each column is as wide as its widest cell; the last
/// column is not padded.
pub(super) fn table<const N: usize>(
    headings: [&str; N],
    rows: impl IntoIterator<Item = [String; N]>,
) -> String {
    let mut lines = vec![headings.map(str::to_owned)];
    lines.extend(
        rows.into_iter()
            .map(|row| row.map(|cell| printable::line(&cell).into_owned())),
    );
    let mut widths = [0; N];
    for line in &lines {
        for (width, cell) in widths.iter_mut().zip(line) {
            *width = (*width).max(cell.chars().count());
        }
    }
    let mut text = String::new();
    for line in &lines {
        let mut row = String::new();
        for (cell, width) in line.iter().zip(widths) {
            row.push_str(&format!("{cell:width$}  "));
        }
        text.push_str(row.trim_end());
        text.push('\n');
    }
    text
}

/// Shortens a text to one line of at most `limit` characters.
pub(super) fn short(text: &str, limit: usize) -> String {
    let text = printable::line(text);
    if text.chars().count() <= limit {
        return text.into_owned();
    }
    let kept: String = text.chars().take(limit.saturating_sub(1)).collect();
    format!("{kept}…")
}

/// Formats a duration: `350 ms`, `1.2 s`, `4 min 10 s`.
pub(super) fn millis(millis: u64) -> String {
    match millis {
        0..1_000 => format!("{millis} ms"),
        1_000..60_000 => format!(
            "{:.1} s",
            std::time::Duration::from_millis(millis).as_secs_f64()
        ),
        _ => match (millis / 60_000, millis / 1_000 % 60) {
            (minutes, 0) => format!("{minutes} min"),
            (minutes, seconds) => format!("{minutes} min {seconds} s"),
        },
    }
}

/// The lines of a text, indented, so that none of them looks like a line of the program.
pub(super) fn paragraph(text: &str) -> String {
    text.lines().map(|line| format!("  {line}\n")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_are_aligned() {
        let rows = [
            ["a".to_owned(), "bb".to_owned()],
            ["ccc".to_owned(), "d".to_owned()],
        ];
        assert_eq!(table(["X", "Y"], rows), "X    Y\na    bb\nccc  d\n");
    }

    #[test]
    fn durations_are_rounded_to_their_unit() {
        assert_eq!(millis(350), "350 ms");
        assert_eq!(millis(1_200), "1.2 s");
        assert_eq!(millis(250_000), "4 min 10 s");
        assert_eq!(millis(300_000), "5 min");
    }
}
