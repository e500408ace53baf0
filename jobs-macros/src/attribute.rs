//! The first stage: parses the keys of `#[job(…)]`.
//!
//! ```text
//! #[job(id = "provision-member")]
//! #[job(id = "mail.send", timeout = "5m", retries = [30, 60, 120], queue = "mail", deny_unknown)]
//! #[job(id = "poll", retries = exponential(base = "10s", count = 10), derive(Debug, Clone))]
//! ```
//!
//! | module | content |
//! |---|---|
//! | `meta` | one `key`, `key = value` or `key(…)`, before its meaning is known |
//! | `keys` | the table of keys, with the parser and an example for each |
//! | `synonyms` | words of other frameworks, and the keys that they mean |
//! | `values`, `numbers` | parsers of values that several keys share |
//! | `limits`, `retain`, `retries`, `schedule` | parsers of the keys with options |
//!
//! `model` and `resource` import this module. The module itself imports only `errors`,
//! never `signature`, `model` or `expansion`: it judges each key by its own value. The crate
//! `jobs-grammar` (`jobs/grammar/src`) parses texts: durations, ids, and cron expressions in
//! `cron.rs`.

mod keys;
pub(crate) mod limits;
mod meta;
mod numbers;
mod retain;
mod retries;
mod schedule;
mod synonyms;
pub(crate) mod values;

use std::time::Duration;

use jobs_grammar::suggestion::did_you_mean;
use proc_macro2::TokenStream;
use syn::{Ident, LitStr, Path};

use crate::errors::Errors;
use limits::Limits;

pub(crate) use meta::{Meta, Spanned};
pub(crate) use retain::Retain;
pub(crate) use retries::{DEFAULT_DELAYS, Retries};
pub(crate) use schedule::Schedule;
pub(crate) use values::{MAX_ATTEMPTS, Priority};

/// The keys of `#[job(…)]` as written. A key that could not be read is `None`.
#[derive(Debug, Default)]
pub(crate) struct JobAttribute {
    pub(crate) id: Option<Spanned<LitStr>>,
    pub(crate) aliases: Option<Spanned<Vec<LitStr>>>,
    pub(crate) label: Option<Spanned<LitStr>>,
    /// The inner `None` is `timeout = "none"`.
    pub(crate) timeout: Option<Spanned<Option<Duration>>>,
    pub(crate) retries: Option<Spanned<Retries>>,
    pub(crate) max_attempts: Option<Spanned<u32>>,
    pub(crate) priority: Option<Spanned<Priority>>,
    pub(crate) queue: Option<Spanned<LitStr>>,
    pub(crate) routing_key: Option<Spanned<LitStr>>,
    pub(crate) tags: Option<Spanned<Vec<LitStr>>>,
    pub(crate) rename_all: Option<Spanned<LitStr>>,
    pub(crate) deny_unknown: Option<Spanned<bool>>,
    pub(crate) derive: Option<Spanned<Vec<Path>>>,
    pub(crate) payload: Option<Spanned<Ident>>,
    pub(crate) enabled: Option<Spanned<bool>>,
    pub(crate) krate: Option<Spanned<Path>>,
    pub(crate) upcast: Option<Spanned<Path>>,
    /// Fields are named as the author wrote them.
    pub(crate) limits: Limits<LitStr>,
    pub(crate) expires: Option<Spanned<Duration>>,
    pub(crate) retain: Option<Retain>,
    /// One for each key `schedule`, which may be repeated.
    pub(crate) schedules: Vec<Spanned<Schedule>>,
}

impl JobAttribute {
    /// Reads all keys. A key with a mistake is reported and left out.
    pub(crate) fn parse(attribute: TokenStream, errors: &mut Errors) -> Self {
        let mut parsed = Self::default();
        let mut seen: Vec<String> = Vec::new();
        for meta in Meta::parse_all(attribute, errors) {
            let name = meta.name();
            if seen.contains(&name) && !keys::REPEATABLE.contains(&&*name) {
                errors.at(meta.span(), format!("`{name}` is given twice: keep one"));
                continue;
            }
            match keys::find(&name) {
                None => errors.at(meta.span(), unknown_key(&meta)),
                Some(key) => {
                    errors.ok((key.read)(&mut parsed, &meta.with_example(key.example)));
                }
            }
            seen.push(name);
        }
        if !seen.iter().any(|name| name == "id") {
            errors.at(
                proc_macro2::Span::call_site(),
                "a job needs an id that never changes: `#[job(id = \"mail.send\")]`",
            );
        }
        parsed
    }
}

fn unknown_key(meta: &Meta) -> String {
    let name = &meta.name();
    if ["description", "doc", "docs"].contains(&name.as_str()) {
        return format!(
            "unknown key `{name}`: the docs of the function are the description, so write `/// …` \
             above it"
        );
    }
    if let Some(meant) = synonyms::key(name).and_then(keys::find) {
        let counted = ["retries", "max_attempts", "max_concurrent", "max_waiting"];
        let count = meta.count().filter(|_| counted.contains(&meant.name));
        return match count {
            Some(count) => format!("unknown key `{name}`: write `{} = {count}`", meant.name),
            None => format!("unknown key `{name}`: write `{}`", meant.example),
        };
    }
    let names: Vec<String> = keys::names().map(|key| format!("`{key}`")).collect();
    format!(
        "unknown key `{name}`{}\nexpected one of {}",
        did_you_mean(name, keys::names()),
        names.join(", ")
    )
}
