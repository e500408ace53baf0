//! `explain`: why an execution is where it is.

use super::{execution_id, existing};
use crate::cli::failure::Failure;
use crate::cli::output::Output;
use crate::cli::settings::Settings;

/// Prints the first reason.
pub(in crate::cli) async fn explain(
    settings: &Settings,
    output: Output,
    id: &str,
) -> Result<(), Failure> {
    let id = execution_id(id)?;
    let runtime = existing(settings).await?;
    match runtime.service().explain(id).await? {
        Some(explanation) => {
            output.result(&explanation, |told| {
                let (job, status) = (&told.job_id, told.status);
                format!("{id}  {job}  {status}\n{}", told.reason.text)
            });
            Ok(())
        }
        None => Err(Failure::failed(format!("there is no execution {id}"))),
    }
}
