// What takes over a payload stays within its limit.

use jobs::{JobError, job};

#[job(
    id = "docs.render",
    max_concurrent = (2, per = "tenant"),
    unique = (by = ["doc"], on_conflict = "replace"),
    debounce = ("10s", by = ["doc"]),
)]
async fn render(tenant: String, doc: String) -> Result<(), JobError> {
    drop((tenant, doc));
    Ok(())
}

fn main() {}
