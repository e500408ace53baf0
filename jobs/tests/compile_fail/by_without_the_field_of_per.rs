// A key that replaces payloads has the field of `per` in its `by`.

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

// Errors: 2.
