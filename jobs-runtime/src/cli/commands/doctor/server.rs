//! The checks of a server: its answer, the role of the token, and its health.

use std::sync::Arc;

use serde::Deserialize;

use super::{CheckResult, CheckStatus};
use crate::cli::failure::Failure;
use crate::cli::remote::ApiClient;

#[derive(Deserialize)]
struct Caller {
    name: String,
    role: String,
}

#[derive(Deserialize)]
struct Health {
    checks: Vec<Check>,
}

#[derive(Deserialize)]
struct Check {
    name: String,
    status: String,
    detail: String,
}

/// Asks the server for all of it, also after a problem.
pub(super) async fn check(client: &Arc<ApiClient>) -> Vec<CheckResult> {
    let mut results = vec![match client.request("getLiveness").send().await {
        Ok(_) => CheckResult::ok("server", format!("{} answers", client.address())),
        Err(error) => {
            let detail = Failure::from(error).to_string();
            return vec![CheckResult::problem("server", detail)];
        }
    }];
    results.push(match client.request("getCaller").json::<Caller>().await {
        Ok(Caller { name, role }) => {
            CheckResult::ok("access", format!("`{name}` has the role {role}"))
        }
        Err(error) => CheckResult::problem("access", Failure::from(error).to_string()),
    });
    // A server that is not healthy answers 503 with the same document.
    let health = client.request("getHealth").answer().await;
    match health.and_then(|answer| answer.json::<Health>()) {
        Ok(health) => results.extend(health.checks.into_iter().map(|check| {
            let status = match &*check.status {
                "ok" | "absent" => CheckStatus::Ok,
                "failing" => CheckStatus::Problem,
                _ => CheckStatus::Warning,
            };
            CheckResult::new(
                "health",
                status,
                format!("{}: {}", check.name, check.detail),
            )
        })),
        // Without access, there is no health report either.
        Err(_) if results.iter().any(|it| it.status == CheckStatus::Problem) => {}
        Err(error) => {
            let detail = Failure::from(error).to_string();
            results.push(CheckResult::problem("health", detail));
        }
    }
    results
}
