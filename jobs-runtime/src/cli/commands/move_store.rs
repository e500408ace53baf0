//! The command `move`: copies a store to another.

use std::sync::Arc;

use crate::SystemClock;
use crate::cli::args::MoveArgs;
use crate::cli::failure::Failure;
use crate::cli::output::Output;
use crate::cli::progress::bar;
use crate::store::transfer::copy::transfer;
use crate::store::{DatabaseUrl, ParseDatabaseUrlError, Store};
use crate::time::Timestamp;

/// Copies everything and prints the row counts.
pub(in crate::cli) async fn move_store(output: Output, args: &MoveArgs) -> Result<(), Failure> {
    let from = parse(&args.from)?;
    let to = parse(&args.to)?;
    if from == to {
        return Err(Failure::usage(format!(
            "{from} is both `--from` and `--to`: give two different stores"
        )));
    }
    if let DatabaseUrl::Sqlite { path, .. } = &from
        && !path.exists()
    {
        return Err(Failure::failed(format!(
            "the store {from} does not exist: check `--from`"
        )));
    }
    let source = open(&from).await?;
    let target = open(&to).await?;
    if !source.sessions().await?.is_empty() {
        output.note("workers have a session in the source store: checking whether they are alive");
    }
    let marked = match (args.keep_source, source.transfer()) {
        (false, Some(marked)) => {
            // A source that was moved before stays closed, and names the other store until this
            // transfer has succeeded.
            let was_open = marked.check_not_moved().await.is_ok();
            if was_open {
                marked.mark_moved(Some(to.to_string())).await?;
            }
            if let Some(reason) = refusal(&*source, &*target, &from, &to).await? {
                if was_open {
                    marked.mark_moved(None).await?;
                }
                return Err(Failure::failed(reason));
            }
            Some((marked, was_open))
        }
        _ => None,
    };
    let copied = transfer(&*source, &*target, &SystemClock::new(), |copied, total| {
        if output.is_interactive() {
            output.status(&format!(
                "{} {copied}/{total} executions",
                bar(copied, total)
            ));
        }
    })
    .await;
    output.status("");
    let copied = match (copied, marked) {
        (Ok(copied), Some((marked, false))) => {
            marked.mark_moved(Some(to.to_string())).await?;
            copied
        }
        (Ok(copied), _) => copied,
        (Err(error), marked) => {
            if let Some((marked, true)) = marked {
                marked.mark_moved(None).await?;
            }
            return Err(Failure::because(&error));
        }
    };
    output.result(&copied, |copied| {
        let skipped = match copied.skipped {
            0 => String::new(),
            skipped => format!(", and skipped {skipped} that the target already had"),
        };
        let written = &copied.written;
        format!(
            "copied {} executions ({} queued, {} pending, {} succeeded, {} failed, {} cancelled), \
             {} log lines, {} jobs and {} schedules{skipped}; the row counts of both stores agree\n\
             {from} is unchanged{}: point your programs at {to}",
            written.executions(),
            written.queued,
            written.pending,
            written.succeeded,
            written.failed,
            written.cancelled,
            written.log_lines,
            written.publications,
            written.schedules,
            if args.keep_source {
                ""
            } else {
                ", and accepts no new executions and no workers"
            },
        )
    })
}

fn parse(url: &str) -> Result<DatabaseUrl, Failure> {
    url.parse()
        .map_err(|error: ParseDatabaseUrlError| Failure::usage(error.to_string()))
}

/// Opens and migrates a store.
async fn open(url: &DatabaseUrl) -> Result<Arc<dyn Store>, Failure> {
    let store = crate::store::open(url).await?;
    store.migrate().await?;
    Ok(store)
}

/// Returns the reason why a source that is marked as moved cannot be moved to a target.
async fn refusal(
    source: &dyn Store,
    target: &dyn Store,
    from: &DatabaseUrl,
    to: &DatabaseUrl,
) -> Result<Option<String>, crate::store::StoreError> {
    if has_requests(source).await? {
        return Ok(Some(format!(
            "{from} has requests by SQL that no process has taken in: start a process of it, and \
             stop it when its table `inbox` is empty"
        )));
    }
    let Some(target) = target.transfer() else {
        return Ok(None);
    };
    match target.check_not_moved().await {
        Ok(()) => Ok(None),
        Err(crate::store::StoreError::Moved { .. }) => Ok(Some(format!(
            "{from} and {to} are one store, or {to} was moved elsewhere and accepts nothing new: \
             give another `--to`, or open it again with `migrate --reopen`"
        ))),
        Err(error) => Err(error),
    }
}

/// Returns whether the inbox of a store holds requests, also postponed ones.
async fn has_requests(store: &dyn Store) -> Result<bool, crate::store::StoreError> {
    match store.inbox() {
        Some(inbox) => inbox.has_received(Timestamp::from_millis(i64::MAX)).await,
        None => Ok(false),
    }
}
