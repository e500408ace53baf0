//! An id of 128 characters.

use jobs::{JobError, job};

#[job(
    id = "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
)]
async fn note() -> Result<(), JobError> {
    Ok(())
}

pub(crate) fn main() {
    assert_eq!(<Note as jobs::Job>::ID.len(), 128);
}
