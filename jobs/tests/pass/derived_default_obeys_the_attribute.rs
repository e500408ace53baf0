//! `derive(Default)` uses `#[default]`.

use jobs::{JobError, job};

#[job(id = "pass.derived-default-obeys-the-attribute", derive(Default))]
async fn print(name: String, #[default(2)] copies: u8) -> Result<(), JobError> {
    let _ = (name, copies);
    Ok(())
}

pub(crate) fn main() {
    assert_eq!(Print::default().copies, 2);
}
