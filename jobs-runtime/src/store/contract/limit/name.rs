//! Names of limits, as programs and operators see them in the whole store.

use jobs::JobDescriptor;

use crate::fingerprint::{ExactJson, canonical, fingerprint};

/// The largest value in bytes that stands in the name of a limit. A digest replaces a longer one.
const MAX_VALUE: usize = 100;

/// Returns the name of a limit: the job, the kind, and the value of the field if it is per field.
pub(crate) fn limit_name(
    job: &JobDescriptor,
    kind: &str,
    per: Option<(&String, &ExactJson<'_>)>,
) -> String {
    let mut name = [&*job.id, "/", kind].concat();
    if let Some((field, value)) = per {
        name.push('/');
        name.push_str(&value_in_name(job, field, value));
    }
    name
}

/// Returns a field's value as operators read it. A digest replaces a sensitive or long value. It
/// begins with `#`, which no JSON text does.
fn value_in_name(job: &JobDescriptor, field: &String, value: &ExactJson<'_>) -> String {
    let text = canonical(value);
    if text.len() > MAX_VALUE || job.sensitive.contains(field) {
        format!("#{}", fingerprint(value))
    } else {
        text
    }
}
