// The value of a resource function is `Send + Sync`.

use jobs::{resource};

struct Outbox;

#[resource]
fn outbox() -> std::cell::Cell<u8> {
    let _ = Outbox;
    std::cell::Cell::new(1)
}

fn main() {}

