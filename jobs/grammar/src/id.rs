//! The grammar of job ids and queue names: `[a-z0-9][a-z0-9_-]*` segments joined by `.`.

/// The bound of an id, in characters.
pub const MAX_CHARS: usize = 128;

/// Checks an id.
///
/// # Errors
/// A sentence with the rule and, if there is one, a corrected id.
pub fn check(id: &str) -> Result<(), String> {
    let chars = id.chars().count();
    if chars > MAX_CHARS {
        let start: String = id.chars().take(24).collect();
        return Err(format!(
            "`{start}…` has {chars} characters: an id has at most {MAX_CHARS}"
        ));
    }
    if !id.is_empty() && id.split('.').all(is_segment) {
        return Ok(());
    }
    let rule = "lower-case letters, digits, `_` and `-`, in segments joined by `.`";
    Err(match corrected(id) {
        Some(better) => format!("`{id}` is not an id ({rule}): write `\"{better}\"`"),
        None => format!("`{id}` is not an id: use {rule}"),
    })
}

fn is_segment(segment: &str) -> bool {
    let word = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit();
    segment.starts_with(word) && segment.chars().all(|c| word(c) || c == '_' || c == '-')
}

/// Returns the nearest valid id: `Provision Member` and `provisionMember` → `provision-member`.
fn corrected(id: &str) -> Option<String> {
    let segment = |segment: &str| {
        let mut better = String::new();
        let mut after_lowercase = false;
        for c in segment.chars() {
            if c.is_ascii_uppercase() && after_lowercase {
                better.push('-');
            }
            after_lowercase = c.is_ascii_lowercase();
            match c.to_ascii_lowercase() {
                c if c.is_ascii_alphanumeric() || c == '_' => better.push(c),
                _ if better.ends_with('-') => {}
                _ => better.push('-'),
            }
        }
        better.trim_matches(['-', '_']).to_owned()
    };
    // Other separators of paths become `.`.
    let dotted = id.replace("::", ".").replace(['/', ':'], ".");
    let segments: Vec<String> = dotted.split('.').map(segment).collect();
    let segments: Vec<String> = segments.into_iter().filter(|s| !s.is_empty()).collect();
    (!segments.is_empty()).then(|| segments.join("."))
}

#[cfg(test)]
mod tests {
    use super::check;

    #[test]
    fn ids() {
        for id in ["provision-member", "widget.process.batch", "a", "2fa_mail"] {
            assert_eq!(check(id), Ok(()), "{id}");
        }
    }

    #[test]
    fn a_better_id_is_suggested() {
        for (id, better) in [
            ("Provision Member", "provision-member"),
            ("provisionMember", "provision-member"),
            ("jobs::send", "jobs.send"),
            ("mail/send", "mail.send"),
            ("mail..send", "mail.send"),
            ("-mail-", "mail"),
            ("HTTPCall", "httpcall"),
        ] {
            let error = check(id).expect_err(id);
            assert!(error.contains(&format!("`\"{better}\"`")), "{id}: {error}");
            assert_eq!(check(better), Ok(()));
        }
        assert!(check("").is_err());
        assert_eq!(check(&"a".repeat(super::MAX_CHARS)), Ok(()));
        let error = check(&"a".repeat(super::MAX_CHARS + 1)).expect_err("too long");
        assert!(error.contains("129 characters"), "{error}");
        assert!(check("é").is_err());
    }
}
