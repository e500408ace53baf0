//! Keys that declare limits, as the catalogue shows them.

use jobs::{ExecutionStatus as Status, Job, JobError, JobLimits, OnConflict, job};
use serde_json::json;

use crate::support::linked;

fn limits<J: Job>() -> JobLimits {
    linked::<J>().descriptor().limits.clone()
}

#[job(id = "limits.none")]
async fn without() -> Result<(), JobError> {
    Ok(())
}

#[test]
fn a_descriptor_without_limits_omits_the_key() {
    assert!(limits::<Without>().is_empty());
    let shown = serde_json::to_value(linked::<Without>().descriptor()).expect("JSON");
    assert_eq!(shown.get("limits"), None);
}

#[job(
    id = "limits.all",
    rename_all = "camelCase",
    max_concurrent = (5, per = "workspace_id", weights = ["acme:4", "a:b:2"]),
    rate_limit = ("10/min", per = "tenant"),
    unique = (
        by = ["workspace_id", "doc_id", "type"],
        within = "10m",
        on_conflict = "reject",
        live = ["pending", "queued"],
    ),
    debounce = ("30s", by = ["doc_id", "workspace_id", "tenant"], at_most = "1m500ms"),
    max_waiting = 10_000
)]
async fn everything(
    workspace_id: String,
    #[serde(rename = "tenantName")] tenant: String,
    _doc_id: u32,
    r#type: String,
) -> Result<(), JobError> {
    drop((workspace_id, tenant, r#type));
    Ok(())
}

#[test]
fn every_limit_is_published_with_json_names_of_fields() {
    let shown = serde_json::to_value(limits::<Everything>()).expect("JSON");
    let expected = json!({
        "maxConcurrent": {"count": 5, "per": "workspaceId", "weights": {"acme": 4, "a:b": 2}},
        "rateLimit": {"count": 10, "periodMs": 60_000, "per": "tenantName"},
        "unique": {
            "by": ["workspaceId", "docId", "type"],
            "withinMs": 600_000,
            "onConflict": "reject",
            "live": ["pending", "queued"],
        },
        "debounce": {"delayMs": 30_000, "by": ["docId", "workspaceId", "tenantName"], "atMostMs": 60_500},
        "maxWaiting": 10_000,
    });
    assert_eq!(shown, expected);
    // The published form deserialises into the same limits.
    let read: JobLimits = serde_json::from_value(shown).expect("limits");
    assert_eq!(read, limits::<Everything>());
}

#[derive(serde::Serialize, serde::Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "camelCase")]
struct Page {
    tenant_id: String,
    number: u32,
}

#[job(
    id = "limits.whole",
    max_concurrent = (2, per = "tenantId"),
    debounce = ("1s", by = ["tenantId", "number"])
)]
async fn whole(#[payload] page: Page) -> Result<(), JobError> {
    drop((page.tenant_id, page.number));
    Ok(())
}

#[test]
fn fields_of_an_existing_type_are_given_by_their_json_names() {
    let limits = limits::<Whole>();
    let per = limits.max_concurrent.and_then(|limit| limit.per);
    assert_eq!(per.as_deref(), Some("tenantId"));
    let by = limits.debounce.map(|rule| rule.by).unwrap_or_default();
    assert_eq!(by, ["tenantId", "number"]);
}

#[job(
    id = "limits.least",
    max_concurrent = 1,
    rate_limit("1/s"),
    unique(within = "1h"),
    debounce = "1m"
)]
async fn least(to: String) -> Result<(), JobError> {
    drop(to);
    Ok(())
}

#[test]
fn omitted_options_of_a_limit_have_defaults() {
    let limits = limits::<Least>();
    assert_eq!(
        limits.max_concurrent.map(|it| (it.count, it.per)),
        Some((1, None))
    );
    let rate = limits.rate_limit.expect("it is written");
    assert_eq!((rate.count, rate.period_ms, rate.per), (1, 1_000, None));
    let unique = limits.unique.expect("it is written");
    assert!(unique.by.is_empty());
    assert_eq!(unique.on_conflict, OnConflict::Skip);
    assert_eq!(
        unique.live,
        [Status::Pending, Status::Queued, Status::Running]
    );
    let debounce = limits.debounce.expect("it is written");
    assert_eq!((debounce.delay_ms, debounce.at_most_ms), (60_000, None));
    assert_eq!(limits.max_waiting, None);
}
