//! The command `limits`: resets rate limits.

use serde_json::json;

use crate::cli::failure::Failure;
use crate::cli::output::Output;
use crate::cli::settings::Settings;
use crate::cli::source::Source;

/// Forgets the starts and the pause of a rate limit.
pub(in crate::cli) async fn reset(
    settings: &Settings,
    output: Output,
    limit: &str,
) -> Result<(), Failure> {
    if !Source::open(settings).await?.reset_limit(limit).await? {
        return Err(Failure::usage(format!(
            "there is no rate limit `{limit}`; `explain` names the limit that an execution waits for"
        )));
    }
    output.result(&json!({ "limit": limit, "reset": true }), |_| {
        format!("{limit}  reset")
    })
}
