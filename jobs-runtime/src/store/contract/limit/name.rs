//! What a job's limit is called in the whole store, by programs and by operators.

use jobs::JobDescriptor;
use serde_json::Value;

use crate::fingerprint::{canonical, fingerprint};

/// Bytes of a field's value in the name of a limit; a longer one is named by its digest.
const MAX_VALUE: usize = 100;

/// The job, the kind, and the value of the field that it is divided by.
pub(crate) fn limit_name(
    job: &JobDescriptor,
    kind: &str,
    per: Option<(&String, &Value)>,
) -> String {
    let mut name = [&*job.id, "/", kind].concat();
    if let Some((field, value)) = per {
        name.push('/');
        name.push_str(&value_in_name(job, field, value));
    }
    name
}

/// A field's value as operators read it. What is not for everybody's eyes, or too long for them,
/// is named by a digest, which no JSON text looks like.
fn value_in_name(job: &JobDescriptor, field: &String, value: &Value) -> String {
    let text = canonical(value);
    match text.len() > MAX_VALUE || job.sensitive.contains(field) {
        true => format!("#{}", fingerprint(value)),
        false => text,
    }
}
