//! Names of exchanges and broker queues.

use super::connection::BrokerError;

/// The longest name in AMQP, in bytes.
const MAX_NAME: usize = 255;

/// The names of one store's objects in a virtual host.
#[derive(Clone, Debug)]
pub(super) struct Names {
    prefix: String,
}

impl Names {
    pub(super) fn new(prefix: &str) -> Self {
        let prefix = match prefix {
            "" => String::new(),
            prefix => format!("{prefix}."),
        };
        Self { prefix }
    }

    /// The topic exchange to which the relay publishes.
    pub(super) fn exchange(&self) -> String {
        format!("{}jobs", self.prefix)
    }

    /// The exchange of dead letters. Job ids have no colon, so no routing key has this name.
    pub(super) fn dead_exchange(&self) -> String {
        format!("{}jobs:dead", self.prefix)
    }

    /// The broker queue of dead letters.
    pub(super) fn dead_queue(&self) -> String {
        self.dead_exchange()
    }

    /// The broker queue of a routing key.
    ///
    /// # Errors
    /// The name is longer than AMQP allows.
    pub(super) fn queue(&self, routing_key: &str) -> Result<String, BrokerError> {
        let name = format!("{}{routing_key}", self.prefix);
        if name.len() > MAX_NAME {
            return Err(BrokerError::topology(format!(
                "the name of the broker queue `{name}` is longer than {MAX_NAME} bytes: use a \
                 shorter prefix"
            )));
        }
        Ok(name)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_prefix_separates_stores() {
        let plain = Names::new("");
        assert_eq!(plain.exchange(), "jobs");
        assert_eq!(plain.dead_queue(), "jobs:dead");
        let staging = Names::new("staging");
        assert_eq!(staging.exchange(), "staging.jobs");
        let queue = staging.queue("jobs.mail.send").expect("short");
        assert_eq!(queue, "staging.jobs.mail.send");
        assert!(staging.queue(&"x".repeat(250)).is_err());
    }
}
