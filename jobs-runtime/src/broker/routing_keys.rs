//! The routing keys of jobs, from the catalogue of the store.

use std::collections::BTreeMap;
use std::time::Duration;

use super::connection::BrokerError;
use super::relay::BrokerDeps;

/// The interval at which the catalogue is read again.
const CATALOGUE_INTERVAL: Duration = Duration::from_secs(60);

/// The routing key of each published job, under each of its ids.
#[derive(Debug, Default)]
pub(super) struct RoutingKeys {
    keys: BTreeMap<String, String>,
    read_at: Option<Duration>,
}

impl RoutingKeys {
    pub(super) fn all(&self) -> &BTreeMap<String, String> {
        &self.keys
    }

    /// Returns the routing key of a job. One that no program has published gets the default key.
    pub(super) async fn of(
        &mut self,
        deps: &BrokerDeps,
        job_id: &str,
    ) -> Result<String, BrokerError> {
        if !self.keys.contains_key(job_id) {
            self.refresh(deps, true).await?;
        }
        let key = self.keys.entry(job_id.to_owned());
        Ok(key.or_insert_with(|| format!("jobs.{job_id}")).clone())
    }

    /// Reads the catalogue, if it was not read for a while.
    pub(super) async fn refresh(
        &mut self,
        deps: &BrokerDeps,
        at_once: bool,
    ) -> Result<(), BrokerError> {
        let now = deps.clock.elapsed();
        let is_due = |read: Duration| now.saturating_sub(read) >= CATALOGUE_INTERVAL;
        if !at_once && self.read_at.is_some_and(|read| !is_due(read)) {
            return Ok(());
        }
        let mut published = deps.store.catalogue().await?;
        // The newest publication of a job is written last.
        published.sort_by_key(|job| job.published_at);
        for job in published {
            let descriptor = job.descriptor;
            for id in descriptor.aliases {
                self.keys.insert(id, descriptor.routing_key.clone());
            }
            self.keys.insert(descriptor.id, descriptor.routing_key);
        }
        self.read_at = Some(now);
        Ok(())
    }
}
