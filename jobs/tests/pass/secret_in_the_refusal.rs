//! A refusal quotes no part of the payload.

use jobs::{Catalogue, JobError, job};

#[job(id = "pass.secret-in-the-refusal")]
async fn sign_in(#[sensitive] pin: u8, user: String) -> Result<(), JobError> {
    let _ = (pin, user);
    Ok(())
}

pub(crate) fn main() {
    let job = Catalogue::linked()
        .unwrap()
        .get("pass.secret-in-the-refusal")
        .unwrap()
        .clone();
    for (text, message) in [
        (
            r#"{"pin":"hunter2"}"#,
            "must be a whole number from 0 to 255",
        ),
        (r#"{"pin":4711}"#, "must be a whole number from 0 to 255"),
        (r#"{"pin":-1}"#, "must be a whole number from 0 to 255"),
    ] {
        let refusal = job.reader().read(text).unwrap_err();
        assert_eq!((&*refusal.pointer, &*refusal.message), ("/pin", message));
    }
}
