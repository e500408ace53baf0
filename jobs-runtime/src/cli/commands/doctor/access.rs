//! The check of access: the callers that the address admits, and the file of the first token.

use std::path::Path;

use super::CheckResult;
use crate::cli::settings::Settings;
use crate::http::{Tls, TlsFiles, is_loopback};
use crate::store::{Role, Store};

const CHECK: &str = "access";

/// Checks whether a start would serve on the address, and for which callers.
pub(super) async fn check(settings: &Settings, store: Option<&dyn Store>) -> Vec<CheckResult> {
    let mut results = Vec::new();
    let http = &settings.http;
    if let Some(problem) = http.token_file.as_deref().and_then(check_file) {
        results.push(problem);
    }
    results.extend(check_certificate(settings));
    if http.trusted_network {
        results.push(CheckResult::warning(
            CHECK,
            format!(
                "trusted_network: every program that reaches {} may do everything, without a token",
                settings.bind
            ),
        ));
        return results;
    }
    // Without a store, or in one without its tables, there is no token. Other checks report both.
    let tokens = match store {
        Some(store) => store.tokens().await.unwrap_or_default(),
        None => Vec::new(),
    };
    let now = crate::clock::timestamp(&crate::SystemClock::new());
    let valid = tokens.iter().filter(|token| token.is_valid(now));
    let has_admin = valid.clone().any(|token| token.role == Role::Admin);
    results.push(match (tokens.len(), is_loopback(settings.bind)) {
        (0, true) => CheckResult::ok(
            CHECK,
            "without tokens, every program of this machine may do everything",
        ),
        (0, false) if http.token_file.is_none() => CheckResult::problem(
            CHECK,
            format!(
                "{} is reached by other machines, and the store has no token: create one with \
                 `token create --role admin`, or name a file with `token_file`",
                settings.bind
            ),
        ),
        (0, false) => CheckResult::ok(CHECK, "the start installs the token of token_file"),
        _ if !has_admin => CheckResult::warning(
            CHECK,
            "no valid token has the role admin: create one with `token create --role admin`",
        ),
        (count, _) => CheckResult::ok(
            CHECK,
            format!(
                "every request needs a token; {} of {count} are valid",
                valid.count()
            ),
        ),
    });
    results
}

/// Checks the token file. A file that other users can read shows them the token.
fn check_file(path: &Path) -> Option<CheckResult> {
    let problem = |reason: String| {
        let detail = format!("token_file {}: {reason}", path.display());
        Some(CheckResult::problem(CHECK, detail))
    };
    let text = match std::fs::read_to_string(path) {
        Ok(text) => text,
        // The start makes the file.
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return None,
        Err(error) => return problem(error.to_string()),
    };
    if crate::service::secret::Secret::parse(text.trim()).is_none() {
        return problem("it holds no token: remove it, and the start makes a new one".to_owned());
    }
    is_readable_by_others(path).then(|| {
        let path = path.display();
        let detail = format!("token_file {path}: other users can read it: `chmod 600` it");
        CheckResult::warning(CHECK, detail)
    })
}

/// Checks that the certificate can be used, and that its key is private. `None` for plain HTTP.
fn check_certificate(settings: &Settings) -> Option<CheckResult> {
    const CHECK: &str = "certificate";
    let files = match TlsFiles::of(&settings.http) {
        Ok(files) => files?,
        Err(error) => return Some(CheckResult::problem(CHECK, error.to_string())),
    };
    if let Err(error) = Tls::load(files.clone()) {
        return Some(CheckResult::problem(CHECK, error.to_string()));
    }
    if is_readable_by_others(&files.key) {
        let key = files.key.display();
        let detail = format!("tls_key {key}: other users can read it: `chmod 600` it");
        return Some(CheckResult::warning(CHECK, detail));
    }
    let certificate = files.certificate.display();
    Some(CheckResult::ok(
        CHECK,
        format!("{certificate} belongs to its key"),
    ))
}

#[cfg(unix)]
fn is_readable_by_others(path: &Path) -> bool {
    use std::os::unix::fs::PermissionsExt;
    let metadata = std::fs::metadata(path);
    metadata.is_ok_and(|metadata| metadata.permissions().mode() & 0o077 != 0)
}

#[cfg(not(unix))]
fn is_readable_by_others(_: &Path) -> bool {
    false
}
