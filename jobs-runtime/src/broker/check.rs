//! A check of a broker for `doctor`: reachability, rights and topology. It changes nothing.

use super::config::BrokerConfig;
use super::connection::{BrokerError, close, connect};
use super::names::Names;
use super::topology;

/// The result of a check.
#[derive(Clone, Debug, Default)]
pub(crate) struct BrokerCheck {
    /// The number of dead letters.
    pub(crate) dead_letters: u32,
    /// Broker queues that do not exist yet.
    pub(crate) missing: Vec<String>,
    /// Objects that exist and cannot be used, each with the reason.
    pub(crate) troubles: Vec<String>,
}

/// Connects, and looks up the broker queues of these routing keys. Declares those that exist. That
/// changes nothing, and the broker refuses a user without the right, or other arguments.
///
/// # Errors
/// The broker cannot be reached, or refuses the user.
pub(crate) async fn check(
    config: &BrokerConfig,
    routing_keys: &[String],
) -> Result<BrokerCheck, BrokerError> {
    let connection = connect(config, "doctor").await?;
    let names = Names::new(&config.prefix);
    let checked = async {
        let mut found = BrokerCheck::default();
        let dead_queue = names.dead_queue();
        match topology::look_up(&connection, &dead_queue).await? {
            Some(queue) => {
                found.dead_letters = queue.message_count();
                let declared = topology::declare_exchanges(&connection, &names).await;
                found.troubles.extend(declared.err().map(|e| e.to_string()));
                let may = topology::check_may_publish(&connection, &names.exchange()).await;
                found.troubles.extend(may.err().map(|e| e.to_string()));
            }
            None => found.missing.push(dead_queue),
        }
        for key in routing_keys {
            let queue = names.queue(key)?;
            if topology::look_up(&connection, &queue).await?.is_none() {
                found.missing.push(queue);
                continue;
            }
            let declared = topology::declare_key(&connection, &names, key).await;
            found.troubles.extend(declared.err().map(|e| e.to_string()));
        }
        Ok(found)
    };
    let checked = checked.await;
    close(&connection).await;
    checked
}
