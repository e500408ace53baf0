// A resource is found by its type.

use jobs::{resource};

struct Outbox;

#[resource]
fn outbox() -> impl Send {
    Outbox
}

fn main() {}
