//! The table of the keys of `#[job(…)]`.
//!
//! Parsing, suggestions and "expected one of" all read it.

use syn::punctuated::Punctuated;
use syn::{Path, Token};

use super::{JobAttribute, Meta, Retries, Spanned, limits, retain, schedule, values};

/// A key that `#[job]` knows.
pub(crate) struct Key {
    pub(crate) name: &'static str,
    /// The right form: messages show it, and a test parses it.
    pub(crate) example: &'static str,
    /// Parses the value into its field of the attribute.
    pub(crate) read: Read,
}

/// Parses a key's value into its field of the attribute.
type Read = fn(&mut JobAttribute, &Meta) -> syn::Result<()>;

/// Every key, in the order of the documentation.
pub(crate) const KEYS: &[Key] = &[
    Key {
        name: "id",
        example: r#"id = "mail.send""#,
        read: |to, meta| put(&mut to.id, meta, values::id),
    },
    Key {
        name: "aliases",
        example: r#"aliases = ["mail.send-old"]"#,
        read: |to, meta| put(&mut to.aliases, meta, values::ids),
    },
    Key {
        name: "label",
        example: r#"label = "Send mail""#,
        read: |to, meta| put(&mut to.label, meta, values::text),
    },
    Key {
        name: "timeout",
        example: r#"timeout = "5m""#,
        read: |to, meta| put(&mut to.timeout, meta, values::timeout),
    },
    Key {
        name: "retries",
        example: r#"retries = ["30s", "1m", "2m"]"#,
        read: |to, meta| put(&mut to.retries, meta, Retries::read),
    },
    Key {
        name: "max_attempts",
        example: "max_attempts = 3",
        read: |to, meta| put(&mut to.max_attempts, meta, values::attempts),
    },
    Key {
        name: "priority",
        example: r#"priority = "high""#,
        read: |to, meta| put(&mut to.priority, meta, values::priority),
    },
    Key {
        name: "queue",
        example: r#"queue = "mail""#,
        read: |to, meta| put(&mut to.queue, meta, values::id),
    },
    Key {
        name: "tags",
        example: r#"tags = ["mail", "outbound"]"#,
        read: |to, meta| put(&mut to.tags, meta, values::texts),
    },
    Key {
        name: "rename_all",
        example: r#"rename_all = "camelCase""#,
        read: |to, meta| put(&mut to.rename_all, meta, values::rename_rule),
    },
    Key {
        name: "deny_unknown",
        example: "deny_unknown",
        read: |to, meta| {
            to.deny_unknown = Some(spanned(meta, meta.flag()?));
            Ok(())
        },
    },
    Key {
        name: "derive",
        example: "derive(Debug, Clone)",
        read: |to, meta| {
            let derives = meta.list(Punctuated::<Path, Token![,]>::parse_terminated)?;
            to.derive = Some(spanned(meta, derives.into_iter().collect()));
            Ok(())
        },
    },
    Key {
        name: "payload",
        example: "payload = SendMailPayload",
        read: |to, meta| put(&mut to.payload, meta, values::name),
    },
    Key {
        name: "enabled",
        example: "enabled = false",
        read: |to, meta| {
            to.enabled = Some(spanned(meta, meta.flag()?));
            Ok(())
        },
    },
    Key {
        name: "crate",
        example: "crate = crate::reexported::jobs",
        read: |to, meta| put(&mut to.krate, meta, values::krate),
    },
    key(
        "max_concurrent",
        "max_concurrent = 5",
        limits::max_concurrent,
    ),
    key("rate_limit", r#"rate_limit = "60/min""#, limits::rate_limit),
    key("unique", r#"unique = (within = "10m")"#, limits::unique),
    key(
        "debounce",
        r#"debounce = ("30s", at_most = "5m")"#,
        limits::debounce,
    ),
    key("max_waiting", "max_waiting = 10000", limits::max_waiting),
    Key {
        name: "routing_key",
        example: r#"routing_key = "jobs.mail.send""#,
        read: |to, meta| put(&mut to.routing_key, meta, values::routing_key),
    },
    key("schedule", r#"schedule = "0 3 * * *""#, schedule::read),
    key("expires", r#"expires = "1h""#, |to, meta| {
        put(&mut to.expires, meta, limits::nonzero_duration)
    }),
    key("retain", r#"retain = "90d""#, retain::read),
    key("upcast", "upcast = from_older_versions", |to, meta| {
        put(&mut to.upcast, meta, values::function)
    }),
];

/// Keys that may be given several times.
pub(crate) const REPEATABLE: &[&str] = &["schedule"];

const fn key(name: &'static str, example: &'static str, read: Read) -> Key {
    Key {
        name,
        example,
        read,
    }
}

/// Parses a value with `read` into `slot`.
fn put<T>(
    slot: &mut Option<Spanned<T>>,
    meta: &Meta,
    read: fn(syn::parse::ParseStream<'_>) -> syn::Result<T>,
) -> syn::Result<()> {
    let value = meta.value(|input| {
        // A `macro_rules!` fragment arrives in an invisible group.
        if input.peek(syn::token::Group) {
            read_group(input, read)
        } else {
            read(input)
        }
    })?;
    *slot = Some(spanned(meta, value));
    Ok(())
}

fn read_group<T>(
    input: syn::parse::ParseStream<'_>,
    read: fn(syn::parse::ParseStream<'_>) -> syn::Result<T>,
) -> syn::Result<T> {
    match input.parse()? {
        proc_macro2::TokenTree::Group(group) => syn::parse::Parser::parse2(read, group.stream()),
        other => Err(syn::Error::new(other.span(), "expected a value")),
    }
}

fn spanned<T>(meta: &Meta, value: T) -> Spanned<T> {
    Spanned {
        key: meta.key.clone(),
        value,
    }
}

/// Finds a key by name.
pub(crate) fn find(name: &str) -> Option<&'static Key> {
    KEYS.iter().find(|key| key.name == name)
}

/// The names of all keys, for messages.
pub(crate) fn names() -> impl Iterator<Item = &'static str> {
    KEYS.iter().map(|key| key.name)
}

#[cfg(test)]
mod tests {
    use super::KEYS;
    use crate::attribute::JobAttribute;
    use crate::errors::Errors;

    #[test]
    fn every_example_parses() {
        for key in KEYS {
            let mut errors = Errors::default();
            let id = if key.name == "id" { "" } else { "id = \"a\"," };
            let tokens = format!("{id} {}", key.example).parse();
            JobAttribute::parse(tokens.expect(key.example), &mut errors);
            assert_eq!(errors.count(), 0, "{}", key.example);
        }
    }
}
