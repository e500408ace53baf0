//! The table of the keys of `#[job(…)]`.
//!
//! Parsing, suggestions, "expected one of" and the rejection of unsupported keys all read it.

use syn::punctuated::Punctuated;
use syn::{Path, Token};

use super::{JobAttribute, Meta, Retries, Spanned, limits, retain, schedule, unsupported, values};

/// A key that `#[job]` knows.
pub(crate) struct Key {
    pub(crate) name: &'static str,
    /// The right form: messages show it, and a test parses it.
    pub(crate) example: &'static str,
    pub(crate) support: Support,
}

/// The support for a key in this version.
pub(crate) enum Support {
    /// The runtime enforces the key.
    Enforced(Read),
    /// The key is parsed for its mistakes and then rejected: a job must not rely on a key that the
    /// runtime ignores.
    Unsupported(Read),
}

/// Parses a key's value into its field of the attribute.
type Read = fn(&mut JobAttribute, &Meta) -> syn::Result<()>;

use Support::{Enforced, Unsupported};

/// Every key, in the order of the documentation.
pub(crate) const KEYS: &[Key] = &[
    Key {
        name: "id",
        example: r#"id = "mail.send""#,
        support: Enforced(|to, meta| put(&mut to.id, meta, values::id)),
    },
    Key {
        name: "aliases",
        example: r#"aliases = ["mail.send-old"]"#,
        support: Enforced(|to, meta| put(&mut to.aliases, meta, values::ids)),
    },
    Key {
        name: "label",
        example: r#"label = "Send mail""#,
        support: Enforced(|to, meta| put(&mut to.label, meta, values::text)),
    },
    Key {
        name: "timeout",
        example: r#"timeout = "5m""#,
        support: Enforced(|to, meta| put(&mut to.timeout, meta, values::timeout)),
    },
    Key {
        name: "retries",
        example: r#"retries = ["30s", "1m", "2m"]"#,
        support: Enforced(|to, meta| put(&mut to.retries, meta, Retries::read)),
    },
    Key {
        name: "max_attempts",
        example: "max_attempts = 3",
        support: Enforced(|to, meta| put(&mut to.max_attempts, meta, values::attempts)),
    },
    Key {
        name: "priority",
        example: r#"priority = "high""#,
        support: Enforced(|to, meta| put(&mut to.priority, meta, values::priority)),
    },
    Key {
        name: "queue",
        example: r#"queue = "mail""#,
        support: Enforced(|to, meta| put(&mut to.queue, meta, values::id)),
    },
    Key {
        name: "tags",
        example: r#"tags = ["mail", "outbound"]"#,
        support: Enforced(|to, meta| put(&mut to.tags, meta, values::texts)),
    },
    Key {
        name: "rename_all",
        example: r#"rename_all = "camelCase""#,
        support: Enforced(|to, meta| put(&mut to.rename_all, meta, values::rename_rule)),
    },
    Key {
        name: "deny_unknown",
        example: "deny_unknown",
        support: Enforced(|to, meta| {
            to.deny_unknown = Some(spanned(meta, meta.flag()?));
            Ok(())
        }),
    },
    Key {
        name: "derive",
        example: "derive(Debug, Clone)",
        support: Enforced(|to, meta| {
            let derives = meta.list(Punctuated::<Path, Token![,]>::parse_terminated)?;
            to.derive = Some(spanned(meta, derives.into_iter().collect()));
            Ok(())
        }),
    },
    Key {
        name: "payload",
        example: "payload = SendMailPayload",
        support: Enforced(|to, meta| put(&mut to.payload, meta, values::name)),
    },
    Key {
        name: "enabled",
        example: "enabled = false",
        support: Enforced(|to, meta| {
            to.enabled = Some(spanned(meta, meta.flag()?));
            Ok(())
        }),
    },
    Key {
        name: "crate",
        example: "crate = crate::reexported::jobs",
        support: Enforced(|to, meta| put(&mut to.krate, meta, values::krate)),
    },
    enforced(
        "max_concurrent",
        "max_concurrent = 5",
        limits::max_concurrent,
    ),
    enforced("rate_limit", r#"rate_limit = "60/min""#, limits::rate_limit),
    enforced("unique", r#"unique = (within = "10m")"#, limits::unique),
    enforced(
        "debounce",
        r#"debounce = ("30s", at_most = "5m")"#,
        limits::debounce,
    ),
    enforced("max_waiting", "max_waiting = 10000", limits::max_waiting),
    Key {
        name: "routing_key",
        example: r#"routing_key = "jobs.mail.send""#,
        support: Enforced(|to, meta| put(&mut to.routing_key, meta, values::routing_key)),
    },
    enforced("schedule", r#"schedule = "0 3 * * *""#, schedule::read),
    unsupported("expires", r#"expires = "1h""#, unsupported::expires),
    enforced("retain", r#"retain = "90d""#, retain::read),
];

/// Keys that may be given several times.
pub(crate) const REPEATABLE: &[&str] = &["schedule"];

const fn enforced(name: &'static str, example: &'static str, read: Read) -> Key {
    Key {
        name,
        example,
        support: Enforced(read),
    }
}

const fn unsupported(name: &'static str, example: &'static str, read: Read) -> Key {
    Key {
        name,
        example,
        support: Unsupported(read),
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

/// The message for an unsupported key.
pub(crate) fn unsupported_message(name: &str) -> String {
    format!("this version of `jobs` does not enforce `{name}` yet: leave it out")
}

#[cfg(test)]
mod tests {
    use super::{KEYS, Support};
    use crate::attribute::JobAttribute;
    use crate::errors::Errors;

    #[test]
    fn every_example_parses() {
        for key in KEYS {
            let mut errors = Errors::default();
            let id = if key.name == "id" { "" } else { "id = \"a\"," };
            let tokens = format!("{id} {}", key.example).parse();
            JobAttribute::parse(tokens.expect(key.example), &mut errors);
            let unsupported = matches!(key.support, Support::Unsupported(_));
            assert_eq!(errors.count(), usize::from(unsupported), "{}", key.example);
        }
    }
}
