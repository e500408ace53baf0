//! The command `audit`: lists the acts of operators.

use crate::cli::args::AuditArgs;
use crate::cli::failure::Failure;
use crate::cli::output::Output;
use crate::cli::settings::Settings;
use crate::cli::source::Source;
use crate::cli::table::{short, table};
use crate::store::{AuditEntry, AuditQuery};

/// Prints a page of the audit log.
pub(in crate::cli) async fn list(
    settings: &Settings,
    output: Output,
    filters: AuditArgs,
) -> Result<(), Failure> {
    let source = Source::open(settings).await?;
    let page = source
        .audit(AuditQuery {
            limit: filters.limit.into(),
            actor: filters.actor,
            action: filters.action,
            target: filters.target,
            since: filters.since,
            until: filters.until,
            cursor: filters.cursor,
        })
        .await?;
    output.result(&page, |page| {
        let head = [
            "TIME", "ACTOR", "ROLE", "ADDRESS", "ACT", "TARGET", "BEFORE", "AFTER",
        ];
        table(head, page.entries.iter().map(row))
    })?;
    if let (false, Some(cursor)) = (output.json, page.next_cursor) {
        output.note(&format!("next page: --cursor {cursor}"));
    }
    Ok(())
}

fn row(entry: &AuditEntry) -> [String; 8] {
    let state = |value: &Option<serde_json::Value>| {
        let text = value.as_ref().map(ToString::to_string);
        short(&text.unwrap_or_default(), 60)
    };
    [
        entry.at.to_string(),
        entry.actor.clone(),
        entry.role.clone(),
        entry.address.clone().unwrap_or_default(),
        entry.action.clone(),
        entry.target.clone(),
        state(&entry.before),
        state(&entry.after),
    ]
}
