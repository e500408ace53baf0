// A default that looks like a time and never changes.

use jobs::{Catalogue, JobError, job};

#[job(id = "pass.job")]
async fn report(#[default("2030-01-31")] day: String) -> Result<(), JobError> {
    drop(day);
    Ok(())
}

fn main() {
    assert!(Catalogue::linked().is_ok());
}
