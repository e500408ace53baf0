//! Conversions of names: of a function into its payload's, of an argument into its JSON field's.

/// Converts `provision_member` to `ProvisionMember`.
pub(crate) fn upper_camel(snake: &str) -> String {
    snake
        .split('_')
        .filter_map(|word| {
            let mut chars = word.chars();
            let first = chars.next()?;
            Some(first.to_uppercase().chain(chars).collect::<String>())
        })
        .collect()
}

/// Returns a field's name in JSON under `rename_all = rule`, exactly as serde computes it.
///
/// serde renames the payload itself. This function serves names outside of the struct, such as
/// those of `#[sensitive]` fields. Returns `None` where serde panics: `camelCase` of a name that
/// does not begin in ASCII.
pub(crate) fn renamed(field: &str, rule: Option<&str>) -> Option<String> {
    Some(match rule {
        Some("PascalCase") => pascal(field),
        Some("camelCase") => {
            let pascal = pascal(field);
            let first = pascal.chars().next().filter(char::is_ascii)?;
            first.to_ascii_lowercase().to_string() + &pascal[1..]
        }
        Some("UPPERCASE" | "SCREAMING_SNAKE_CASE") => field.to_ascii_uppercase(),
        Some("kebab-case") => field.replace('_', "-"),
        Some("SCREAMING-KEBAB-CASE") => field.to_ascii_uppercase().replace('_', "-"),
        // serde assumes that fields are in snake case, which `lowercase` leaves unchanged.
        _ => field.to_owned(),
    })
}

/// Converts to Pascal case as serde does: ASCII only, and only the first character of a word.
fn pascal(field: &str) -> String {
    field
        .split('_')
        .flat_map(|word| {
            let mut chars = word.chars();
            let first = chars.next().map(|first| first.to_ascii_uppercase());
            first.into_iter().chain(chars).collect::<Vec<_>>()
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::{renamed, upper_camel};

    #[test]
    fn payloads_are_named_after_functions() {
        for (function, payload) in [
            ("provision_member", "ProvisionMember"),
            ("tick", "Tick"),
            ("convert_2d", "Convert2d"),
            ("_private", "Private"),
            ("alreadyCamel", "AlreadyCamel"),
        ] {
            assert_eq!(upper_camel(function), payload);
        }
    }

    #[test]
    fn fields_are_renamed_as_by_serde() {
        for (rule, name) in [
            ("camelCase", "apiTokenId"),
            ("PascalCase", "ApiTokenId"),
            ("snake_case", "api_token_id"),
            ("lowercase", "api_token_id"),
            ("UPPERCASE", "API_TOKEN_ID"),
            ("SCREAMING_SNAKE_CASE", "API_TOKEN_ID"),
            ("kebab-case", "api-token-id"),
            ("SCREAMING-KEBAB-CASE", "API-TOKEN-ID"),
        ] {
            assert_eq!(renamed("api_token_id", Some(rule)).as_deref(), Some(name));
        }
        let plain = renamed("api_token_id", None);
        assert_eq!(plain.as_deref(), Some("api_token_id"));
        assert_eq!(
            renamed("größe", Some("camelCase")).as_deref(),
            Some("größe")
        );
        assert_eq!(renamed("übergröße", Some("camelCase")), None);
    }
}
