//! `move`: from one store to another.

use std::sync::Arc;

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

use crate::SystemClock;
use crate::cli::args::Move;
use crate::cli::failure::Failure;
use crate::cli::output::Output;
use crate::store::transfer::copy::transfer;
use crate::store::{DatabaseUrl, ParseDatabaseUrlError, Store};

/// Moves everything and says what that was.
pub(in crate::cli) async fn move_store(output: Output, args: &Move) -> Result<(), Failure> {
    let from = parse(&args.from)?;
    let to = parse(&args.to)?;
    if from == to {
        return Err(Failure::usage(format!("{from} is both ends of the move")));
    }
    if let DatabaseUrl::Sqlite { path, .. } = &from
        && !path.exists()
    {
        return Err(Failure::failed(format!("there is no store at {from}")));
    }
    let source = open(&from).await?;
    let target = open(&to).await?;
    let bar = bar(output);
    if !source.sessions().await?.is_empty() {
        output.say("workers have a session in the source: watching whether they live");
    }
    let done = transfer(&*source, &*target, &SystemClock::new(), |done, all| {
        bar.set_length(all);
        bar.set_position(done);
    })
    .await;
    bar.finish_and_clear();
    let done = done.map_err(|error| Failure::because(&error))?;
    output.result(&done, |done| {
        let skipped = match done.skipped {
            0 => String::new(),
            skipped => format!(", {skipped} were there already"),
        };
        let written = &done.written;
        format!(
            "moved {} executions ({} queued, {} pending, {} succeeded, {} failed, {} cancelled), \
             {} log lines, {} jobs{skipped}; both stores were counted and agree\n\
             {from} is left as it is: point your programs at {to}",
            written.executions(),
            written.queued,
            written.pending,
            written.succeeded,
            written.failed,
            written.cancelled,
            written.log_lines,
            written.publications,
        )
    });
    Ok(())
}

fn parse(url: &str) -> Result<DatabaseUrl, Failure> {
    url.parse()
        .map_err(|error: ParseDatabaseUrlError| Failure::usage(error.to_string()))
}

/// Opens a store with its layout up to date.
async fn open(url: &DatabaseUrl) -> Result<Arc<dyn Store>, Failure> {
    let store = crate::store::open(url).await?;
    store.migrate().await?;
    Ok(store)
}

/// Drawn for people only.
fn bar(output: Output) -> ProgressBar {
    let bar = ProgressBar::no_length();
    if !output.is_watched() {
        bar.set_draw_target(ProgressDrawTarget::hidden());
    }
    if let Ok(style) = ProgressStyle::with_template("{bar:40} {pos}/{len} executions") {
        bar.set_style(style);
    }
    bar
}
