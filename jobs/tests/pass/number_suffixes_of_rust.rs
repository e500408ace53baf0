//! Rust's own suffixes of numbers in defaults.

use jobs::{JobError, job};

#[job(id = "pass.number-suffixes-of-rust", retries = [30, 60], timeout = "5m", max_attempts = 3)]
async fn note(#[default(3_u8)] copies: u8, #[default(1e3_f64)] size: f64) -> Result<(), JobError> {
    let _ = (copies, size);
    Ok(())
}

pub(crate) fn main() {
    assert_eq!(Note::new().size, 1000.0);
}
