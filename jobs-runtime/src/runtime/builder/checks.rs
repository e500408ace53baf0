//! Checks of the settings: the limits and the jobs that they name.

use jobs::runtime::Handler;
use jobs::{Catalogue, CataloguedJob};

#[cfg(feature = "cli")]
use super::RuntimeBuilder;
use crate::StartError;
use crate::engine::EngineConfig;

#[cfg(feature = "cli")]
impl RuntimeBuilder {
    /// Checks the jobs, the limits and the providers of the resources. Opens no store and builds no
    /// resource.
    pub(crate) fn check(&self) -> Result<(), StartError> {
        let linked;
        let catalogue = match &self.catalogue {
            Some(catalogue) => catalogue,
            None => {
                linked = Catalogue::linked()?;
                &linked
            }
        };
        check_limits(&self.engine, catalogue)?;
        let jobs = executable_jobs(catalogue, &self.jobs)?;
        crate::engine::resources::check(&jobs, &self.resources)?;
        Ok(())
    }
}

/// Rejects slot caps, ageing times and named limits that are zero, and slot caps of unknown jobs.
pub(super) fn check_limits(config: &EngineConfig, catalogue: &Catalogue) -> Result<(), StartError> {
    let invalid = |what, name: &str, reason| {
        Err(StartError::Limit {
            what,
            name: name.to_owned(),
            reason,
        })
    };
    let slot_caps = [
        ("concurrency of queue", &config.queue_concurrency),
        ("concurrency of job", &config.job_concurrency),
    ];
    for (what, caps) in slot_caps {
        if let Some((name, _)) = caps.iter().find(|(_, attempts)| **attempts == 0) {
            return invalid(what, name, "must be a number of attempts from 1");
        }
    }
    for id in config.job_concurrency.keys() {
        // An alias is an error; the slot cap of the current id counts executions of aliases too.
        if catalogue.get(id).is_none_or(|job| job.id() != id) {
            return Err(StartError::UnknownJob(id.clone()));
        }
    }
    for (queue, age) in &config.ageing {
        if age.is_zero() {
            return invalid("ageing of queue", queue, "must be a duration from 1 ms");
        }
    }
    for (name, rate) in &config.limits {
        if rate.count == 0 || rate.period_ms == 0 {
            return invalid(
                "limit",
                name,
                "must be a number from 1 in a period from 1 ms",
            );
        }
    }
    Ok(())
}

/// Returns the jobs with these ids, or all jobs, without disabled and external ones.
pub(super) fn executable_jobs(
    catalogue: &Catalogue,
    ids: &[String],
) -> Result<Vec<CataloguedJob>, StartError> {
    let jobs: Vec<&CataloguedJob> = match ids {
        [] => catalogue.iter().collect(),
        ids => ids
            .iter()
            .map(|id| {
                let job = catalogue.get(id);
                job.ok_or_else(|| StartError::UnknownJob(id.clone()))
            })
            .collect::<Result<_, _>>()?,
    };
    let has_body =
        |job: &&CataloguedJob| matches!(job.handler(), Handler::Async(_) | Handler::Blocking(_));
    Ok(jobs
        .into_iter()
        .filter(|job| job.descriptor().enabled)
        .filter(has_body)
        .cloned()
        .collect())
}
