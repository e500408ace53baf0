//! The keys of `#[job(…)]`: one table for parsing, for "expected one of", for suggestions, and for
//! refusing what is not enforced yet.

use syn::punctuated::Punctuated;
use syn::{Path, Token};

use crate::arguments::Arguments;
use crate::given::{Given, Written};
use crate::retries::Retries;
use crate::{limits, refused, schedule, values};

/// A key that `#[job]` knows.
pub(crate) struct Key {
    pub(crate) name: &'static str,
    /// Shown when its value has the wrong shape, and tried by a test.
    pub(crate) example: &'static str,
    pub(crate) meaning: Meaning,
}

/// What this version does about a key.
pub(crate) enum Meaning {
    /// Reads the value into its place.
    Enforced(Read),
    /// Known, read for its mistakes, and refused: a limit that is accepted and ignored is worse
    /// than none.
    Refused(Read),
}

/// Reads a value.
type Read = fn(&mut Arguments, &Given) -> syn::Result<()>;

use Meaning::{Enforced, Refused};

/// Every key, in the order in which the documentation explains them.
pub(crate) const KEYS: &[Key] = &[
    Key {
        name: "id",
        example: r#"id = "mail.send""#,
        meaning: Enforced(|to, given| put(&mut to.id, given, values::id)),
    },
    Key {
        name: "aliases",
        example: r#"aliases = ["mail.send-old"]"#,
        meaning: Enforced(|to, given| put(&mut to.aliases, given, values::ids)),
    },
    Key {
        name: "label",
        example: r#"label = "Send mail""#,
        meaning: Enforced(|to, given| put(&mut to.label, given, values::words)),
    },
    Key {
        name: "timeout",
        example: r#"timeout = "5m""#,
        meaning: Enforced(|to, given| put(&mut to.timeout, given, values::timeout)),
    },
    Key {
        name: "retries",
        example: r#"retries = ["30s", "1m", "2m"]"#,
        meaning: Enforced(|to, given| put(&mut to.retries, given, Retries::read)),
    },
    Key {
        name: "max_attempts",
        example: "max_attempts = 3",
        meaning: Enforced(|to, given| put(&mut to.max_attempts, given, values::attempts)),
    },
    Key {
        name: "priority",
        example: r#"priority = "high""#,
        meaning: Enforced(|to, given| put(&mut to.priority, given, values::priority)),
    },
    Key {
        name: "queue",
        example: r#"queue = "mail""#,
        meaning: Enforced(|to, given| put(&mut to.queue, given, values::id)),
    },
    Key {
        name: "tags",
        example: r#"tags = ["mail", "outbound"]"#,
        meaning: Enforced(|to, given| put(&mut to.tags, given, values::tags)),
    },
    Key {
        name: "rename_all",
        example: r#"rename_all = "camelCase""#,
        meaning: Enforced(|to, given| put(&mut to.rename_all, given, values::rename_rule)),
    },
    Key {
        name: "deny_unknown",
        example: "deny_unknown",
        meaning: Enforced(|to, given| {
            to.deny_unknown = Some(written(given, given.flag()?));
            Ok(())
        }),
    },
    Key {
        name: "derive",
        example: "derive(Debug, Clone)",
        meaning: Enforced(|to, given| {
            let derives = given.list_of(Punctuated::<Path, Token![,]>::parse_terminated)?;
            to.derive = Some(written(given, derives.into_iter().collect()));
            Ok(())
        }),
    },
    Key {
        name: "payload",
        example: "payload = SendMailPayload",
        meaning: Enforced(|to, given| put(&mut to.payload, given, |input| input.parse())),
    },
    Key {
        name: "enabled",
        example: "enabled = false",
        meaning: Enforced(|to, given| {
            to.enabled = Some(written(given, given.flag()?));
            Ok(())
        }),
    },
    Key {
        name: "crate",
        example: "crate = crate::reexported::jobs",
        meaning: Enforced(|to, given| put(&mut to.krate, given, values::krate)),
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
    refused(
        "routing_key",
        r#"routing_key = "jobs.mail.send""#,
        refused::routing_key,
    ),
    refused("schedule", r#"schedule = "0 3 * * *""#, schedule::read),
    refused("expires", r#"expires = "1h""#, refused::expires),
    refused("retain", r#"retain = "90d""#, refused::retain),
];

const fn enforced(name: &'static str, example: &'static str, read: Read) -> Key {
    Key {
        name,
        example,
        meaning: Enforced(read),
    }
}

const fn refused(name: &'static str, example: &'static str, read: Read) -> Key {
    Key {
        name,
        example,
        meaning: Refused(read),
    }
}

fn put<T>(
    slot: &mut Option<Written<T>>,
    given: &Given,
    read: fn(syn::parse::ParseStream<'_>) -> syn::Result<T>,
) -> syn::Result<()> {
    let value = given.value(|input| match input.peek(syn::token::Group) {
        // What a `macro_rules!` fragment inserted stands in an invisible group.
        true => read_group(input, read),
        false => read(input),
    })?;
    *slot = Some(written(given, value));
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

fn written<T>(given: &Given, value: T) -> Written<T> {
    Written {
        key: given.key.clone(),
        value,
    }
}

/// The key of that name.
pub(crate) fn find(name: &str) -> Option<&'static Key> {
    KEYS.iter().find(|key| key.name == name)
}

/// The names of the keys that can be written, for messages.
pub(crate) fn names() -> impl Iterator<Item = &'static str> {
    KEYS.iter().map(|key| key.name)
}

/// Why a known key is refused.
pub(crate) fn refusal(name: &str) -> String {
    format!(
        "`{name}` is not enforced yet by this version of `jobs`, so it is refused rather than \
         ignored; leave it out for now"
    )
}

#[cfg(test)]
mod tests {
    use super::{KEYS, Meaning};
    use crate::arguments::Arguments;
    use crate::errors::Errors;

    #[test]
    fn every_example_is_as_it_says() {
        for key in KEYS {
            let mut errors = Errors::default();
            let id = if key.name == "id" { "" } else { "id = \"a\"," };
            let tokens = format!("{id} {}", key.example).parse();
            Arguments::parse(tokens.expect(key.example), &mut errors);
            let refused = matches!(key.meaning, Meaning::Refused(_));
            assert_eq!(errors.count(), usize::from(refused), "{}", key.example);
        }
    }
}
