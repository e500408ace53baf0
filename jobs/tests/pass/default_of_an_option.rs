//! `None` and `Some` as defaults of an option.

use jobs::{JobError, job};

#[job(id = "pass.default-of-an-option")]
async fn note(
    #[default(None)] a: Option<u8>,
    #[default(Some(1))] b: Option<u8>,
) -> Result<(), JobError> {
    let _ = (a, b);
    Ok(())
}

pub(crate) fn main() {
    assert_eq!((Note::new().a, Note::new().b), (None, Some(1)));
}
