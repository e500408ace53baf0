// The error of a resource is boxed.

use jobs::{resource};

struct Outbox;

#[resource]
fn outbox() -> Result<Outbox, u8> {
    Ok(Outbox)
}

fn main() {}
