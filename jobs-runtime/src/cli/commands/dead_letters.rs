//! The commands `dead-letters` and `broker`: messages that no consumer could read, and dispatch.

use serde_json::json;

use super::open_existing;
use crate::broker::dead_letters;
use crate::cli::args::{BrokerCommand, DeadLetterCommand};
use crate::cli::failure::Failure;
use crate::cli::output::Output;
use crate::cli::settings::Settings;
use crate::cli::table::table;

/// Lists, requeues or drops dead letters. Needs no store.
pub(in crate::cli) async fn run(
    settings: &Settings,
    output: Output,
    command: DeadLetterCommand,
) -> Result<(), Failure> {
    let Some(broker) = &settings.broker else {
        return Err(Failure::usage(
            "there is no broker: give one with `--broker URL` or JOBS_BROKER".to_owned(),
        ));
    };
    let failed = |error: crate::BrokerError| Failure::because(&error);
    match command {
        DeadLetterCommand::List { limit } => {
            let letters = dead_letters::list(broker, limit).await.map_err(failed)?;
            output.result(&json!({ "deadLetters": letters }), |_| {
                let rows = letters.iter().map(|letter| {
                    [
                        letter.routing_key.clone(),
                        letter.reason.clone(),
                        letter.body.clone(),
                    ]
                });
                table(["ROUTING KEY", "REASON", "BODY"], rows)
            })
        }
        DeadLetterCommand::Requeue { limit } => {
            let requeued = dead_letters::requeue(broker, limit).await.map_err(failed)?;
            output.result(&json!({ "requeued": requeued }), |_| {
                format!("{requeued} dead letters published again")
            })
        }
        DeadLetterCommand::Drop { limit } => {
            let dropped = dead_letters::drop_letters(broker, limit)
                .await
                .map_err(failed)?;
            output.result(&json!({ "dropped": dropped }), |_| {
                format!("{dropped} dead letters deleted")
            })
        }
    }
}

/// Turns dispatch on or off in the store.
pub(in crate::cli) async fn switch(
    settings: &Settings,
    output: Output,
    command: BrokerCommand,
) -> Result<(), Failure> {
    let runtime = open_existing(settings).await?;
    let is_on = command == BrokerCommand::On;
    if is_on {
        runtime.store().start_dispatch().await?;
    } else {
        runtime.store().stop_dispatch().await?;
    }
    let act = if is_on { "broker.on" } else { "broker.off" };
    runtime.service().record_act(act, "store", None, None).await;
    output.result(&json!({ "dispatch": is_on }), |_| {
        if is_on {
            "dispatch is on: an execution that becomes ready gets an entry, which a relay publishes"
        } else {
            "dispatch is off: no execution gets an entry any more"
        }
        .to_owned()
    })
}
