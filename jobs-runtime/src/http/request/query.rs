//! Query parameters. Unknown, repeated and malformed parameters are a 400 `invalid_query`.
//!
//! A parameter is never ignored: an ignored filter would widen the list.

use std::fmt::Display;
use std::str::FromStr;

use axum::extract::{FromRequestParts, Query};
use axum::http::request::Parts;
use jobs::Violation;

use crate::http::response::problem::{Code, Problem};
use crate::http::route_doc::{Input, NumberRange};
use crate::service::similar_names;

/// Reads the parameters of a request one by one and collects the mistakes.
pub(in crate::http) struct QueryParameters {
    /// The parameters that have not been read yet.
    given: Vec<(String, String)>,
    /// The names that have been asked for.
    read: Vec<&'static str>,
    violations: Vec<Violation>,
}

impl<S: Send + Sync> FromRequestParts<S> for QueryParameters {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Problem> {
        match Query::<Vec<(String, String)>>::from_request_parts(parts, state).await {
            Ok(Query(given)) => Ok(Self {
                given,
                read: Vec::new(),
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
    pub(in crate::http) fn text(&mut self, parameter: &Input) -> Option<String> {
        let name = parameter.name;
        self.read.push(name);
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
    pub(in crate::http) fn parsed<T>(&mut self, parameter: &Input) -> Option<T>
    where
        T: FromStr<Err: Display>,
    {
        match self.text(parameter)?.parse() {
            Ok(value) => Some(value),
            Err(error) => {
                self.wrong(parameter.name, error.to_string());
                None
            }
        }
    }

    /// Returns a number within the range of the parameter, or its default if it is absent.
    pub(in crate::http) fn number(&mut self, parameter: &Input) -> usize {
        let NumberRange { min, max, default } = parameter.range();
        let Some(text) = self.text(parameter) else {
            return default;
        };
        match text.parse() {
            Ok(number) if (min..=max).contains(&number) => number,
            _ => {
                let message = match max {
                    usize::MAX => format!("must be a number from {min}"),
                    max => format!("must be a number from {min} to {max}"),
                };
                self.wrong(parameter.name, message);
                default
            }
        }
    }

    /// Returns a problem if there are mistakes, unknown parameters included. `documented` are the
    /// parameters of the route, all of which have been read.
    pub(in crate::http) fn finish(mut self, documented: &[Input]) -> Result<(), Problem> {
        let known: Vec<_> = documented.iter().map(|parameter| parameter.name).collect();
        debug_assert_eq!(
            known, self.read,
            "the parameters that are documented and read"
        );
        for (name, _) in std::mem::take(&mut self.given) {
            let similar = similar_names(&name, known.iter().copied());
            let suggested: Vec<_> = if similar.is_empty() {
                known.iter().map(|&known| known.to_owned()).collect()
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
