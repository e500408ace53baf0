//! Query parameters. Unknown, repeated and malformed parameters are a 400 `invalid_query`.
//!
//! Ignoring a misspelt filter would list every execution, and a client could then cancel all of
//! them.

use std::fmt::Display;
use std::ops::RangeInclusive;
use std::str::FromStr;

use axum::extract::{FromRequestParts, Query};
use axum::http::request::Parts;
use jobs::Violation;

use crate::http::response::problem::{Code, Problem};
use crate::service::similar_names;

/// Reads the parameters of a request one by one and collects the mistakes.
pub(in crate::http) struct QueryParameters {
    /// The parameters that have not been read yet.
    given: Vec<(String, String)>,
    /// The names that have been asked for.
    known: Vec<&'static str>,
    violations: Vec<Violation>,
}

impl<S: Send + Sync> FromRequestParts<S> for QueryParameters {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Problem> {
        match Query::<Vec<(String, String)>>::from_request_parts(parts, state).await {
            Ok(Query(given)) => Ok(Self {
                given,
                known: Vec::new(),
                violations: Vec::new(),
            }),
            Err(_) => Err(Problem::new(
                Code::InvalidQuery,
                "the query is not written as `name=value&name=value`",
            )),
        }
    }
}

impl QueryParameters {
    /// Returns the text of a parameter.
    pub(in crate::http) fn text(&mut self, name: &'static str) -> Option<String> {
        self.known.push(name);
        let mut values = Vec::new();
        self.given.retain_mut(|(given, value)| {
            let taken = given == name;
            if taken {
                values.push(std::mem::take(value));
            }
            !taken
        });
        let value = values.pop()?;
        if !values.is_empty() {
            self.wrong(name, "is given more than once");
        }
        if value.is_empty() {
            self.wrong(name, "is empty");
            return None;
        }
        Some(value)
    }

    /// Returns a parameter of another type.
    pub(in crate::http) fn parsed<T>(&mut self, name: &'static str) -> Option<T>
    where
        T: FromStr<Err: Display>,
    {
        match self.text(name)?.parse() {
            Ok(value) => Some(value),
            Err(error) => {
                self.wrong(name, error.to_string());
                None
            }
        }
    }

    /// Returns a number within `range`, or `default` if the parameter is absent.
    pub(in crate::http) fn number(
        &mut self,
        name: &'static str,
        range: RangeInclusive<usize>,
        default: usize,
    ) -> usize {
        let Some(text) = self.text(name) else {
            return default;
        };
        match text.parse() {
            Ok(number) if range.contains(&number) => number,
            _ => {
                let message = match *range.end() {
                    usize::MAX => format!("must be a number from {}", range.start()),
                    end => format!("must be a number from {} to {end}", range.start()),
                };
                self.wrong(name, message);
                default
            }
        }
    }

    /// Returns a problem if there are mistakes, unknown parameters included.
    pub(in crate::http) fn finish(mut self) -> Result<(), Problem> {
        for (name, _) in std::mem::take(&mut self.given) {
            let similar = similar_names(&name, self.known.iter().copied());
            let suggested: Vec<_> = if similar.is_empty() {
                self.known.iter().map(|&known| known.to_owned()).collect()
            } else {
                similar
            };
            let hint = if suggested.is_empty() {
                "this route has none".to_owned()
            } else {
                format!("use `{}`", suggested.join("`, `"))
            };
            self.violations.push(Violation {
                pointer: name,
                message: format!("is not a parameter; {hint}"),
            });
        }
        if self.violations.is_empty() {
            return Ok(());
        }
        let detail: Vec<_> = self
            .violations
            .iter()
            .map(|violation| format!("`{}` {}", violation.pointer, violation.message))
            .collect();
        let violations: Vec<_> = self
            .violations
            .iter()
            .map(|violation| {
                serde_json::json!({
                    "parameter": violation.pointer,
                    "message": violation.message,
                })
            })
            .collect();
        Err(Problem::new(Code::InvalidQuery, detail.join("; ")).with("violations", violations))
    }

    fn wrong(&mut self, name: &str, message: impl Into<String>) {
        self.violations.push(Violation {
            pointer: name.to_owned(),
            message: message.into(),
        });
    }
}
