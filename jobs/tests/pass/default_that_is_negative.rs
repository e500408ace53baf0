//! A negative default.

use jobs::{JobError, job};

#[job(id = "pass.default-that-is-negative")]
async fn shift(#[default(-5)] by: i16) -> Result<(), JobError> {
    let _ = by;
    Ok(())
}

pub(crate) fn main() {
    assert_eq!(Shift::new().by, -5);
}
