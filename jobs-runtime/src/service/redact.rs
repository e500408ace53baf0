//! Redaction for HTTP and the command line: masks the `#[sensitive]` fields of payloads, and their
//! values where errors, results and log lines quote them.
//!
//! `secrets` finds the sensitive values of a payload. The folder may import `mask`, `raw_object`
//! and the types of the store contract. It must not call a store.

mod secrets;

use std::collections::HashMap;

use serde_json::Value;
use serde_json::value::{RawValue, to_raw_value};

use super::mask::MASK;
use super::raw_object::RawObject;
use crate::JobService;
use crate::store::ExecutionRecord;

pub(crate) use secrets::Secrets;

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

    /// Masks the sensitive fields in the payload of an execution, and what its error, its messages
    /// and its result quote of them.
    pub(crate) async fn redact(&mut self, execution: &mut ExecutionRecord) {
        let secrets = self.secrets(execution).await;
        let errors = execution.attempts.iter_mut();
        let errors = errors.filter_map(|attempt| attempt.error.as_mut());
        for error in errors.chain(&mut execution.error) {
            secrets.hide_in(&mut error.message);
        }
        if let Some(message) = &mut execution.progress_message {
            secrets.hide_in(message);
        }
        if let Some(result) = &mut execution.result {
            secrets.hide_in_json(result);
        }
        self.redact_payload(&execution.job_id, &mut execution.payload)
            .await;
    }

    /// Masks an archived execution in the same way, its log lines included.
    #[cfg(all(feature = "archive", feature = "cli"))]
    pub(crate) async fn redact_archived(&mut self, execution: &mut crate::ArchivedExecution) {
        let job_id = execution.job_id().to_owned();
        let mut payload = execution.payload.to_raw();
        let secrets = self.secrets_of(&job_id, &payload).await;
        let messages = execution.texts_mut();
        messages.for_each(|message| secrets.hide_in(message));
        for json in execution.json_texts_mut() {
            let mut value = json.to_raw();
            secrets.hide_in_json(&mut value);
            json.0 = value.get().to_owned();
        }
        self.redact_payload(&job_id, &mut payload).await;
        execution.payload.0 = payload.get().to_owned();
    }

    /// Returns the sensitive values of an execution, to be masked in its log lines.
    pub(crate) async fn secrets(&mut self, execution: &ExecutionRecord) -> Secrets {
        self.secrets_of(&execution.job_id, &execution.payload).await
    }

    async fn secrets_of(&mut self, job_id: &str, payload: &RawValue) -> Secrets {
        match self.redaction(job_id).await {
            Redaction::Fields(names) if names.is_empty() => Secrets::default(),
            Redaction::Fields(names) => Secrets::of(payload, names),
            // Every value may be sensitive.
            Redaction::WholePayload => Secrets::of_all(payload),
        }
    }

    /// Masks the sensitive fields in a payload of a job.
    pub(crate) async fn redact_payload(&mut self, job_id: &str, payload: &mut Box<RawValue>) {
        match self.redaction(job_id).await {
            Redaction::Fields(names) if names.is_empty() => {}
            Redaction::Fields(names) => {
                *payload = mask_fields(payload, names).unwrap_or_else(masked);
            }
            Redaction::WholePayload => *payload = masked(),
        }
    }

    async fn redaction(&mut self, job_id: &str) -> &Redaction {
        if !self.jobs.contains_key(job_id) {
            let redaction = match self.service.sensitive_fields(job_id).await {
                Ok(names) => Redaction::Fields(names),
                Err(_) => Redaction::WholePayload,
            };
            self.jobs.insert(job_id.to_owned(), redaction);
        }
        self.jobs.get(job_id).unwrap_or(&Redaction::WholePayload)
    }
}

/// Masks in a text what it quotes of these fields of a payload.
pub(crate) fn hide_secrets(payload: &str, sensitive: &[String], text: &mut String) {
    if let Ok(payload) = serde_json::from_str(payload) {
        Secrets::of(payload, sensitive).hide_in(text);
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

fn masked() -> Box<RawValue> {
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
