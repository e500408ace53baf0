//! Suggestions of similar names for a name that does not exist.

use jobs_grammar::suggestion::distance;

/// The largest number of suggestions.
const MAX_SUGGESTIONS: usize = 3;

/// The longest name for which suggestions are made, in bytes. The edit distance is quadratic.
const MAX_NAME_BYTES: usize = 200;

/// Returns existing names that are similar to `wanted`, the most similar first.
pub(crate) fn similar_names<'a>(
    wanted: &str,
    names: impl IntoIterator<Item = &'a str>,
) -> Vec<String> {
    if wanted.is_empty() || wanted.len() > MAX_NAME_BYTES {
        return Vec::new();
    }
    let wanted = normalise(wanted);
    let tolerated = 1 + wanted.chars().count() / 4;
    let mut found: Vec<(usize, &str)> = names
        .into_iter()
        .filter_map(|name| {
            let candidate = normalise(name);
            let distance = distance(&wanted, &candidate);
            let part =
                wanted.len() >= 3 && (candidate.contains(&wanted) || wanted.contains(&candidate));
            (distance <= tolerated || part).then_some((distance, name))
        })
        .collect();
    found.sort_unstable();
    found
        .into_iter()
        .take(MAX_SUGGESTIONS)
        .map(|(_, name)| name.to_owned())
        .collect()
}

/// Removes separators and case, so that differences in them count as no edit.
fn normalise(name: &str) -> String {
    name.chars()
        .filter(|c| !matches!(c, '-' | '_' | '.' | ' '))
        .flat_map(char::to_lowercase)
        .collect()
}

#[cfg(test)]
mod tests {
    use super::similar_names;

    #[test]
    fn finds_similar_names() {
        let names = ["provision-member", "health-check", "widget.process.batch"];
        let check = |wanted: &str, expected: &[&str]| {
            assert_eq!(similar_names(wanted, names), expected, "{wanted}");
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
