// A batch takes payloads and builders.

use jobs::{Client, EnqueueError};

async fn sign_up(client: &Client) -> Result<(), EnqueueError> {
    client.enqueue_all(["alice", "bob"]).await?;
    Ok(())
}

fn main() {}
