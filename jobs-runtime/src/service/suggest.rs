//! Names that look like one that does not exist.

/// At most this many suggestions: more would be a list, not a hint.
const SUGGESTIONS: usize = 3;

/// The names that someone who wrote `wanted` may have meant, the likeliest first.
pub(crate) fn near_misses<'a>(
    wanted: &str,
    names: impl IntoIterator<Item = &'a str>,
) -> Vec<String> {
    // Nobody mistypes a name by a page of text, and the distance is quadratic.
    if wanted.is_empty() || wanted.len() > 200 {
        return Vec::new();
    }
    let wanted = plain(wanted);
    let tolerated = 1 + wanted.chars().count() / 4;
    let mut found: Vec<(usize, &str)> = names
        .into_iter()
        .filter_map(|name| {
            let candidate = plain(name);
            let distance = distance(&wanted, &candidate);
            let part =
                wanted.len() >= 3 && (candidate.contains(&wanted) || wanted.contains(&candidate));
            (distance <= tolerated || part).then_some((distance, name))
        })
        .collect();
    found.sort_unstable();
    found
        .into_iter()
        .take(SUGGESTIONS)
        .map(|(_, name)| name.to_owned())
        .collect()
}

/// Case and separators are what people mix up most: they cost nothing.
fn plain(name: &str) -> String {
    name.chars()
        .filter(|c| !matches!(c, '-' | '_' | '.' | ' '))
        .flat_map(char::to_lowercase)
        .collect()
}

/// The edits (insert, delete, replace) between two names: Levenshtein's distance.
fn distance(one: &str, other: &str) -> usize {
    let other: Vec<char> = other.chars().collect();
    let mut row: Vec<usize> = (0..=other.len()).collect();
    for (i, a) in one.chars().enumerate() {
        let mut diagonal = row[0];
        row[0] = i + 1;
        for (j, b) in other.iter().enumerate() {
            let replaced = diagonal + usize::from(a != *b);
            diagonal = row[j + 1];
            row[j + 1] = replaced.min(diagonal + 1).min(row[j] + 1);
        }
    }
    row.last().copied().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::near_misses;

    #[test]
    fn finds_what_was_meant() {
        let names = ["provision-member", "health-check", "widget.process.batch"];
        let check = |wanted: &str, expected: &[&str]| {
            assert_eq!(near_misses(wanted, names), expected, "{wanted}");
        };
        check("provison-member", &["provision-member"]);
        check("provision_member", &["provision-member"]);
        check("Provision", &["provision-member"]);
        check("widget.batch", &[]);
        check("widget.proces.batch", &["widget.process.batch"]);
        check("zzz", &[]);
        check("", &[]);
    }
}
