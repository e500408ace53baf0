// `weights` needs `per`.

use jobs::{JobError, job};

#[job(id = "docs.render", max_concurrent = (5, weights = ["gold:4"]))]
async fn render(plan: String) -> Result<(), JobError> {
    drop(plan);
    Ok(())
}

fn main() {}
