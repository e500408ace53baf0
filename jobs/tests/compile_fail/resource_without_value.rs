// A resource has a value.

use jobs::{resource};

struct Outbox;

#[resource]
fn outbox() {
    let _ = Outbox;
}

fn main() {}
