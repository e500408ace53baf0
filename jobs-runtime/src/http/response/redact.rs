//! Hides what is not for everybody's eyes.

use std::collections::HashMap;

use serde_json::Value;
use serde_json::value::{RawValue, to_raw_value};

use crate::http::raw_object::Members;
use crate::JobService;
use crate::store::ExecutionRecord;

/// What stands for a hidden value.
const HIDDEN: &str = "•••";

/// Hides the sensitive fields of the payloads of one answer.
pub(in crate::http) struct Redactor<'a> {
    service: &'a JobService,
    // What is hidden, by job: a page mostly shows the executions of a few.
    jobs: HashMap<String, Hidden>,
}

#[derive(Clone)]
enum Hidden {
    Fields(Vec<String>),
    /// Which fields are sensitive could not be found out.
    Everything,
}

impl<'a> Redactor<'a> {
    pub(in crate::http) fn new(service: &'a JobService) -> Self {
        Self {
            service,
            jobs: HashMap::new(),
        }
    }

    pub(in crate::http) async fn redact(&mut self, execution: &mut ExecutionRecord) {
        let hidden = match self.jobs.get(&execution.job_id) {
            Some(hidden) => hidden,
            None => {
                let hidden = match self.service.job(&execution.job_id).await {
                    Ok(job) => Hidden::Fields(job.descriptor().sensitive.clone()),
                    // Nobody has ever published it: nobody has marked anything.
                    Err(jobs::EnqueueError::UnknownJob { .. }) => Hidden::Fields(Vec::new()),
                    Err(_) => Hidden::Everything,
                };
                self.jobs.entry(execution.job_id.clone()).or_insert(hidden)
            }
        };
        match hidden {
            Hidden::Fields(names) if names.is_empty() => {}
            Hidden::Fields(names) => {
                execution.payload = without(&execution.payload, names).unwrap_or_else(hidden_value);
            }
            Hidden::Everything => execution.payload = hidden_value(),
        }
    }
}

/// The object with the values of these members replaced, the rest as it was written; `None` if it
/// is no object.
fn without(payload: &RawValue, names: &[String]) -> Option<Box<RawValue>> {
    let Members(members) = serde_json::from_str(payload.get()).ok()?;
    let members: Vec<_> = members
        .into_iter()
        .map(|(name, value)| {
            let shown = match names.contains(&name) {
                true => format!("\"{HIDDEN}\""),
                false => value.get().to_owned(),
            };
            format!("{}:{shown}", Value::String(name))
        })
        .collect();
    RawValue::from_string(format!("{{{}}}", members.join(","))).ok()
}

fn hidden_value() -> Box<RawValue> {
    to_raw_value(HIDDEN).unwrap_or_else(|_| RawValue::NULL.to_owned())
}

#[cfg(test)]
mod tests {
    use crate::http::*;

    #[test]
    fn hides_values_and_leaves_the_rest() {
        let check = |payload: &str, expected: Option<&str>| {
            let payload = RawValue::from_string(payload.to_owned()).expect("JSON");
            let shown = without(&payload, &["token".to_owned()]);
            assert_eq!(shown.as_deref().map(RawValue::get), expected);
        };
        check(
            r#"{ "z": 1.50, "token": {"a": "secret"}, "a": "\u0000" }"#,
            Some(r#"{"z":1.50,"token":"•••","a":"\u0000"}"#),
        );
        check(r#"{"t\u006fken":"secret"}"#, Some(r#"{"token":"•••"}"#));
        check(r#"["secret"]"#, None);
    }
}
