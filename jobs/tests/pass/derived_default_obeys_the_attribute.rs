// `derive(Default)` uses `#[default]`.

use jobs::{JobError, job};

#[job(id = "pass.job", derive(Default))]
async fn print(name: String, #[default(2)] copies: u8) -> Result<(), JobError> {
    let _ = (name, copies);
    Ok(())
}

fn main() {
    assert_eq!(Print::default().copies, 2);
}
