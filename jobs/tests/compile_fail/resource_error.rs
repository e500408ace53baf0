// The error of a resource function converts into a boxed error.

use jobs::{resource};

struct Outbox;

#[resource]
fn outbox() -> Result<Outbox, u8> {
    Ok(Outbox)
}

fn main() {}

