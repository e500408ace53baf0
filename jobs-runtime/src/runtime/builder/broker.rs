//! The relay and the consumer of a runtime that dispatches through RabbitMQ.

use std::sync::Arc;

use jobs::CataloguedJob;

use super::checks::executable_jobs;
use super::foundation::Foundation;
use crate::broker::{BrokerParts, ConsumedJob, ConsumerParts};
use crate::engine::{BrokerSignals, EngineConfig};
use crate::{BrokerConfig, StartError};

impl Foundation {
    /// The parts of the relay, and of the consumer if this process executes jobs.
    pub(super) fn broker_parts(
        &self,
        config: BrokerConfig,
        consumer: Option<ConsumerParts>,
    ) -> BrokerParts {
        BrokerParts {
            config,
            store: Arc::clone(&self.store),
            clock: Arc::clone(&self.clock),
            entropy: self.entropy.apart("broker"),
            health: self.health.broker(consumer.is_some()),
            consumer,
        }
    }

    /// Describes what this worker consumes: the jobs that it executes. `None` if it is restricted
    /// to some executions, or executes no job.
    pub(super) fn consumer_parts(
        &self,
        jobs: &[String],
        engine: &EngineConfig,
        signals: BrokerSignals,
    ) -> Result<Option<ConsumerParts>, StartError> {
        let jobs = executable_jobs(&self.catalogue, jobs)?;
        let is_claimed = |job: &&CataloguedJob| {
            engine.queues.is_empty() || engine.queues.contains(&job.descriptor().queue)
        };
        let consumed = |job: &CataloguedJob| ConsumedJob {
            ids: job.names().map(str::to_owned).collect(),
            routing_key: job.descriptor().routing_key.clone(),
        };
        let jobs: Vec<_> = jobs.iter().filter(is_claimed).map(consumed).collect();
        if jobs.is_empty() || !engine.only.is_empty() {
            return Ok(None);
        }
        Ok(Some(ConsumerParts {
            jobs,
            queues: engine.queues.clone(),
            signals,
        }))
    }
}
