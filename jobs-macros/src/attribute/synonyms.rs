//! Words of other frameworks for the keys of `#[job(…)]` and their values.
//!
//! An edit distance finds misspelt words. It cannot find `max_retries` for `retries`.

/// A foreign name of a key, and the key.
const KEYS: &[(&str, &str)] = &[
    ("alias", "aliases"),
    ("attempts", "max_attempts"),
    ("backoff", "retries"),
    ("batch_key", "debounce"),
    ("concurrency", "max_concurrent"),
    ("concurrency_limit", "max_concurrent"),
    ("convert", "upcast"),
    ("cron", "schedule"),
    ("deadline", "expires"),
    ("dedup", "unique"),
    ("deduplicate", "unique"),
    ("delay", "debounce"),
    ("delays", "retries"),
    ("deny_unknown_fields", "deny_unknown"),
    ("derives", "derive"),
    ("disabled", "enabled"),
    ("display_name", "label"),
    ("every", "schedule"),
    ("expire", "expires"),
    ("expires_in", "expires"),
    ("expiry", "expires"),
    ("keep", "retain"),
    ("max_concurrency", "max_concurrent"),
    ("max_queued", "max_waiting"),
    ("max_retries", "retries"),
    ("max_runtime", "timeout"),
    ("max_tries", "max_attempts"),
    ("migrate", "upcast"),
    ("name", "id"),
    ("num_retries", "retries"),
    ("path", "crate"),
    ("rate", "rate_limit"),
    ("rename", "id"),
    ("retention", "retain"),
    ("retry", "retries"),
    ("retry_delay", "retries"),
    ("retry_delays", "retries"),
    ("routing", "routing_key"),
    ("throttle", "rate_limit"),
    ("time_limit", "timeout"),
    ("title", "label"),
    ("tries", "max_attempts"),
    ("ttl", "expires"),
    ("uniqueness", "unique"),
    ("upgrade", "upcast"),
];

/// A foreign name of an option, and the option.
const OPTIONS: &[(&str, &str)] = &[
    ("cap", "max"),
    ("conflict", "on_conflict"),
    ("delay", "base"),
    ("fields", "by"),
    ("for", "within"),
    ("initial", "base"),
    ("key", "by"),
    ("key", "per"),
    ("keys", "by"),
    ("max_delay", "max"),
    ("max_wait", "at_most"),
    ("multiplier", "factor"),
    ("period", "within"),
    ("retries", "count"),
    ("start", "base"),
    ("states", "live"),
    ("times", "count"),
    ("timezone", "tz"),
    ("tz", "timezone"),
    ("weight", "weights"),
    ("window", "within"),
];

/// Words for "no limit" or "not at all".
const NONE: &[&str] = &[
    "none",
    "null",
    "nil",
    "no",
    "never",
    "off",
    "false",
    "disabled",
    "infinite",
    "infinity",
    "unlimited",
    "forever",
];

/// Returns the key that a foreign name means.
pub(crate) fn key(name: &str) -> Option<&'static str> {
    find(KEYS, name, |_| true)
}

/// Returns the option that a foreign name means, among those that a key has.
pub(crate) fn option(name: &str, known: &[&str]) -> Option<&'static str> {
    find(OPTIONS, name, |option| known.contains(&option))
}

/// Returns `true` for a word that means "no limit" or "not at all".
pub(crate) fn is_none(word: &str) -> bool {
    NONE.contains(&word.to_ascii_lowercase().as_str())
}

fn find(
    table: &[(&str, &'static str)],
    name: &str,
    fits: impl Fn(&str) -> bool,
) -> Option<&'static str> {
    let plain = name.to_ascii_lowercase();
    let mut table = table.iter();
    table
        .find(|(foreign, known)| *foreign == plain && fits(known))
        .map(|(_, known)| *known)
}

#[cfg(test)]
mod tests {
    use crate::attribute::keys;

    #[test]
    fn a_synonym_is_no_key_and_leads_to_one() {
        for (foreign, key) in super::KEYS {
            assert!(keys::find(foreign).is_none(), "{foreign} is a key");
            assert!(keys::find(key).is_some(), "{foreign} leads to {key}");
        }
    }
}
