//! What was written in `#[job(…)]`.
//!
//! ```text
//! #[job(id = "provision-member")]
//! #[job(id = "mail.send", timeout = "5m", retries = [30, 60, 120], queue = "mail", deny_unknown)]
//! #[job(id = "poll", retries = exponential(base = "10s", count = 10), derive(Debug, Clone))]
//! ```

use std::time::Duration;

use proc_macro2::TokenStream;
use syn::{Ident, LitStr, Path};

use crate::errors::Errors;
use crate::given::{Given, Written};
use crate::keys::{self, Meaning};
use crate::limits::Limits;
use crate::retries::Retries;
use crate::suggestion::did_you_mean;
use crate::values::Priority;

/// Every key's value, as far as it could be read.
#[derive(Debug, Default)]
pub(crate) struct Arguments {
    pub(crate) id: Option<Written<LitStr>>,
    pub(crate) aliases: Option<Written<Vec<LitStr>>>,
    pub(crate) label: Option<Written<LitStr>>,
    /// `None` within: `timeout = "none"`.
    pub(crate) timeout: Option<Written<Option<Duration>>>,
    pub(crate) retries: Option<Written<Retries>>,
    pub(crate) max_attempts: Option<Written<u32>>,
    pub(crate) priority: Option<Written<Priority>>,
    pub(crate) queue: Option<Written<LitStr>>,
    pub(crate) tags: Option<Written<Vec<LitStr>>>,
    pub(crate) rename_all: Option<Written<LitStr>>,
    pub(crate) deny_unknown: Option<Written<bool>>,
    pub(crate) derive: Option<Written<Vec<Path>>>,
    pub(crate) payload: Option<Written<Ident>>,
    pub(crate) enabled: Option<Written<bool>>,
    pub(crate) krate: Option<Written<Path>>,
    pub(crate) limits: Limits,
    /// The key `schedule`.
    pub(crate) schedule: Option<Ident>,
}

impl Arguments {
    /// Reads all keys; those with mistakes are reported and left out.
    pub(crate) fn parse(attribute: TokenStream, errors: &mut Errors) -> Self {
        let mut arguments = Self::default();
        let mut seen: Vec<String> = Vec::new();
        for given in Given::list(attribute, errors) {
            let name = given.name();
            if seen.contains(&name) {
                errors.at(given.span(), format!("`{name}` is given twice: keep one"));
                continue;
            }
            match keys::find(&name) {
                None => errors.at(given.span(), unknown(&name)),
                Some(key) => match key.meaning {
                    Meaning::Enforced(read) => {
                        errors.ok(read(&mut arguments, &given.like(key.example)));
                    }
                    Meaning::Refused(read) => {
                        let span = given.span();
                        errors.ok(read(&mut arguments, &given.like(key.example)));
                        errors.at(span, keys::refusal(&name));
                    }
                },
            }
            seen.push(name);
        }
        if !seen.iter().any(|name| name == "id") {
            errors.at(
                proc_macro2::Span::call_site(),
                "a job needs an id that never changes: `#[job(id = \"mail.send\")]`",
            );
        }
        arguments
    }
}

fn unknown(name: &str) -> String {
    let names: Vec<String> = keys::names().map(|key| format!("`{key}`")).collect();
    format!(
        "unknown key `{name}`{}\nexpected one of {}",
        did_you_mean(name, keys::names()),
        names.join(", ")
    )
}
