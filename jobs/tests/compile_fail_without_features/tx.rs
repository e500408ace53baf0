// `.tx` names the feature that it needs.

use jobs::{Client, EnqueueError, JobError, job};

#[job(id = "mail.send")]
async fn send_mail(to: String) -> Result<(), JobError> {
    drop(to);
    Ok(())
}

struct Transaction;

async fn sign_up(client: &Client, tx: &mut Transaction) -> Result<(), EnqueueError> {
    client.enqueue(SendMail::new("alice")).tx(tx).await?;
    Ok(())
}

fn main() {}
