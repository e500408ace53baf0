// `per` names an argument, not its name in JSON.

use jobs::{JobError, job};

#[job(id = "mail.send", rename_all = "camelCase", rate_limit = ("10/s", per = "workspaceId"))]
async fn send_mail(workspace_id: String) -> Result<(), JobError> {
    drop(workspace_id);
    Ok(())
}

fn main() {}
