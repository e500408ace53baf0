//! A default that looks like a time and never changes.

use jobs::{Catalogue, JobError, job};

#[job(id = "pass.default-that-is-a-day")]
async fn report(#[default("2030-01-31")] day: String) -> Result<(), JobError> {
    drop(day);
    Ok(())
}

pub(crate) fn main() {
    assert!(Catalogue::linked().is_ok());
}
