// A resource function borrows other resources; it takes nothing by value.

use jobs::{resource};

struct Outbox;

#[resource]
fn outbox(url: String) -> Outbox {
    drop(url);
    Outbox
}

fn main() {}
