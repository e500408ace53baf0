// A resource function has no arguments.

use jobs::{resource};

struct Outbox;

#[resource]
fn outbox(url: String) -> Outbox {
    drop(url);
    Outbox
}

fn main() {}
