// `per` names an existing argument.

use jobs::{JobError, job};

#[job(id = "mail.send", max_concurrent = (5, per = "workspaces_id"))]
async fn send_mail(workspace_id: String) -> Result<(), JobError> {
    drop(workspace_id);
    Ok(())
}

fn main() {}
