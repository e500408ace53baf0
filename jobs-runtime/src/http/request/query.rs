//! Query parameters, read so that a mistake is answered instead of ignored.
//!
//! A filter with a typing error that is silently dropped shows everything, and everything gets
//! cancelled.

use std::fmt::Display;
use std::ops::RangeInclusive;
use std::str::FromStr;

use axum::extract::{FromRequestParts, Query};
use axum::http::request::Parts;
use jobs::Violation;

use crate::http::response::problem::{Code, Problem};
use crate::service::near_misses;

/// The parameters of a request that are not taken yet.
pub(in crate::http) struct Parameters {
    given: Vec<(String, String)>,
    known: Vec<&'static str>,
    violations: Vec<Violation>,
}

impl<S: Send + Sync> FromRequestParts<S> for Parameters {
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

impl Parameters {
    /// The text of a parameter.
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

    /// A parameter of another type.
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

    /// A number within bounds.
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

    /// Refuses what was wrong, and what nobody has asked for.
    pub(in crate::http) fn finish(mut self) -> Result<(), Problem> {
        for (name, _) in std::mem::take(&mut self.given) {
            let near = near_misses(&name, self.known.iter().copied());
            let known: Vec<_> = match near.is_empty() {
                true => self.known.iter().map(|&known| known.to_owned()).collect(),
                false => near,
            };
            let known = match known.is_empty() {
                true => "there are none here".to_owned(),
                false => format!("use `{}`", known.join("`, `")),
            };
            self.violations.push(Violation {
                pointer: name,
                message: format!("is not a parameter: {known}"),
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
