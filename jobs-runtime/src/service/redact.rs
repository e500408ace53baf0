//! Redaction: masks the `#[sensitive]` fields of payloads for HTTP and the command line.

use std::collections::HashMap;

use serde_json::Value;
use serde_json::value::{RawValue, to_raw_value};

use super::raw_object::RawObject;
use crate::JobService;
use crate::store::ExecutionRecord;

/// Replaces a masked value.
const MASK: &str = "•••";

/// Masks the sensitive fields of the payloads in one answer.
pub(crate) struct Redactor<'a> {
    service: &'a JobService,
    /// The redactions by job id. A page contains many executions of few jobs.
    jobs: HashMap<String, Redaction>,
}

/// The part of a payload that is masked.
#[derive(Clone)]
enum Redaction {
    Fields(Vec<String>),
    /// The store could not be asked which fields are sensitive.
    WholePayload,
}

impl<'a> Redactor<'a> {
    pub(crate) fn new(service: &'a JobService) -> Self {
        Self {
            service,
            jobs: HashMap::new(),
        }
    }

    /// Masks the sensitive fields in the payload of an execution.
    pub(crate) async fn redact(&mut self, execution: &mut ExecutionRecord) {
        self.redact_payload(&execution.job_id, &mut execution.payload)
            .await;
    }

    /// Masks the sensitive fields in a payload of a job.
    pub(crate) async fn redact_payload(&mut self, job_id: &str, payload: &mut Box<RawValue>) {
        let redaction = match self.jobs.get(job_id) {
            Some(redaction) => redaction,
            None => {
                let redaction = match self.service.job(job_id).await {
                    Ok(job) => Redaction::Fields(job.descriptor().sensitive.clone()),
                    // No program has published the job, so no field is marked as sensitive.
                    Err(jobs::EnqueueError::UnknownJob { .. }) => Redaction::Fields(Vec::new()),
                    Err(_) => Redaction::WholePayload,
                };
                self.jobs.entry(job_id.to_owned()).or_insert(redaction)
            }
        };
        match redaction {
            Redaction::Fields(names) if names.is_empty() => {}
            Redaction::Fields(names) => {
                *payload = mask_fields(payload, names).unwrap_or_else(masked_payload);
            }
            Redaction::WholePayload => *payload = masked_payload(),
        }
    }
}

/// Returns the object with the values of these members masked and the other values unchanged.
/// `None` if the payload is not an object.
fn mask_fields(payload: &RawValue, names: &[String]) -> Option<Box<RawValue>> {
    let RawObject(members) = serde_json::from_str(payload.get()).ok()?;
    let members: Vec<_> = members
        .into_iter()
        .map(|(name, value)| {
            let shown = if names.contains(&name) {
                format!("\"{MASK}\"")
            } else {
                value.get().to_owned()
            };
            format!("{}:{shown}", Value::String(name))
        })
        .collect();
    RawValue::from_string(format!("{{{}}}", members.join(","))).ok()
}

fn masked_payload() -> Box<RawValue> {
    to_raw_value(MASK).unwrap_or_else(|_| RawValue::NULL.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn masks_the_named_fields_and_keeps_the_text_of_the_others() {
        let check = |payload: &str, expected: Option<&str>| {
            let payload = RawValue::from_string(payload.to_owned()).expect("JSON");
            let shown = mask_fields(&payload, &["token".to_owned()]);
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
