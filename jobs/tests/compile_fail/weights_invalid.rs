// A weight is a value and a number of at least 1, and each value has one.

use jobs::{JobError, job};

#[job(id = "docs.render", max_concurrent = (5, per = "plan", weights = ["gold", "free:0", "a:x", "b:2", "b:3"]))]
async fn render(plan: String) -> Result<(), JobError> {
    drop(plan);
    Ok(())
}

fn main() {}

// Errors: 4.
