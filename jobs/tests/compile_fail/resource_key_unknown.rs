// `#[resource]` has one key.

use jobs::{resource};

struct Outbox;

#[resource(lazy = true)]
fn outbox() -> Outbox {
    Outbox
}

fn main() {}
