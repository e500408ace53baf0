//! A payload that would hide a name of the prelude.

use jobs::{JobError, job};

#[job(id = "pass.payload-of-another-name", payload = SendLetter)]
async fn send(to: String) -> Result<(), JobError> {
    drop(to);
    Ok(())
}

fn assert_send<T: Send>(_: &T) {}

pub(crate) fn main() {
    assert_send(&SendLetter::new("x"));
}
