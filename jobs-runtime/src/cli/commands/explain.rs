//! The command `explain`: why an execution has its status.

use super::execution_id;
use crate::cli::failure::Failure;
use crate::cli::output::Output;
use crate::cli::printable;
use crate::cli::settings::Settings;
use crate::cli::source::Source;

/// Prints the explanation of an execution.
pub(in crate::cli) async fn explain(
    settings: &Settings,
    output: Output,
    id: &str,
) -> Result<(), Failure> {
    let id = execution_id(id)?;
    match Source::open(settings).await?.explain(id).await? {
        Some(explanation) => output.result(&explanation, |explanation| {
            let (job, status) = (&explanation.job_id, explanation.status);
            let reason = printable::line(&explanation.reason.text);
            format!("{id}  {job}  {status}\n{reason}")
        }),
        None => Err(Failure::failed(format!("no execution has the id {id}"))),
    }
}
