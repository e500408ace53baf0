//! The admin token of the setting `token_file`, for starts without a person.
//!
//! The file may exist, as a secret of the deployment: its token is added to the store. If it does
//! not, a new token is written into it, readable by the user of the process only. Several processes
//! may start at once with one file: each finds the whole text of one of them.

use std::fs::{self, OpenOptions};
use std::io::{self, ErrorKind, Write};
use std::path::{Path, PathBuf};

use super::StartError;
use crate::TokenState;
use crate::service::JobService;
use crate::service::secret::Secret;
use crate::store::Role;

/// The name of the token in lists and in the audit log.
const NAME: &str = "token-file";

/// Adds the token of the file to the store. Makes both if they do not exist.
pub(super) async fn install(path: &Path, service: &JobService) -> Result<(), StartError> {
    let failed = |reason: String| StartError::TokenFile {
        path: path.to_owned(),
        reason,
    };
    let text = match fs::read_to_string(path) {
        Err(error) if error.kind() == ErrorKind::NotFound => {
            let new = Secret::generate().map_err(|error| failed(error.to_string()))?;
            create(path, &new.text()).map_err(|error| failed(error.to_string()))?;
            fs::read_to_string(path)
        }
        text => text,
    };
    let text = text.map_err(|error| failed(error.to_string()))?;
    let token = service.install_token(text.trim(), NAME, Role::Admin).await;
    let token = token.map_err(|error| failed(error.to_string()))?;
    if token.state != TokenState::Valid {
        return Err(failed(format!(
            "its token {} was revoked or has expired: remove the file, and the next start makes a \
             new one",
            token.id
        )));
    }
    tracing::info!(file = %path.display(), id = token.id, "the token of the file is installed");
    Ok(())
}

/// Writes a file that appears with its whole contents, unless it exists.
fn create(path: &Path, text: &str) -> io::Result<()> {
    let draft = PathBuf::from(format!("{}.{}", path.display(), std::process::id()));
    let mut options = OpenOptions::new();
    options.write(true).create(true).truncate(true);
    #[cfg(unix)]
    {
        use std::os::unix::fs::OpenOptionsExt;
        options.mode(0o600);
    }
    let written = options.open(&draft).and_then(|mut file| {
        file.write_all(format!("{text}\n").as_bytes())?;
        file.sync_all()
    });
    // A link fails if the file exists, which another process may have made meanwhile.
    let linked = written.and_then(|()| fs::hard_link(&draft, path));
    let removed = fs::remove_file(&draft);
    match linked {
        Err(error) if error.kind() == ErrorKind::AlreadyExists => Ok(()),
        Err(error) => Err(error),
        Ok(()) => removed,
    }
}
