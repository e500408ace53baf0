//! Arguments named `clone` and `default`.

use jobs::{JobError, job};

#[job(id = "pass.arguments-named-like-methods", derive(Clone))]
async fn copy_all(clone: u8, default: u8) -> Result<(), JobError> {
    let _ = (clone, default);
    Ok(())
}

pub(crate) fn main() {
    let one = CopyAll::new(1, 2);
    assert_eq!((one.clone().clone, one.default), (1, 2));
}
