//! The command `schema`: the payload and result schemas of the linked jobs.

use serde_json::{Map, Value, json};

use crate::cli::failure::Failure;
use crate::cli::output::Output;
use crate::fingerprint::job_fingerprint;

/// Prints `{"jobs": {id: {fingerprint, payload, result}}}` of the linked catalogue.
///
/// The output is JSON with and without `--json`. The same source prints the same bytes on every
/// machine, whatever features other crates enable: keys are inserted in order, and no value names a
/// path.
pub(in crate::cli) fn show(output: Output) -> Result<(), Failure> {
    let catalogue =
        jobs::Catalogue::linked().map_err(|error| Failure::failed(error.to_string()))?;
    let mut jobs = Map::new();
    for job in catalogue.iter() {
        let job = job.descriptor();
        let fingerprint = job_fingerprint(job).map_err(|error| Failure::because(&error))?;
        jobs.insert(
            job.id.clone(),
            json!({
                "fingerprint": fingerprint,
                "payload": job.payload_schema,
                "result": job.result_schema,
            }),
        );
    }
    output.result(&json!({ "jobs": Value::Object(jobs) }), |document| {
        serde_json::to_string_pretty(document).unwrap_or_else(|error| error.to_string())
    })
}
