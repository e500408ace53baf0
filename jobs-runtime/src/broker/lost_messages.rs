//! Ready executions without a message: their entry was confirmed, and the message is gone, because
//! a broker queue was deleted or a broker lost its data.
//!
//! The search compares broker queues with the store. A broker queue that is long starves no worker
//! and is not examined, so a backlog causes no search. A short one lacks messages if the store has
//! more ready executions of its job at two looks in a row. The relay then writes as many entries
//! again as are missing, in pages from the most urgent execution on. Some of these executions have
//! a message after all. A repeated message does no harm.

use std::collections::BTreeMap;
use std::time::Duration;

use lapin::Connection;

use super::connection::BrokerError;
use super::relay::BrokerDeps;
use super::topology;
use crate::store::DispatchCursor;

/// The interval between two looks at the broker queues.
const INTERVAL: Duration = Duration::from_secs(10);

/// The interval between two pages.
const PAGE_INTERVAL: Duration = Duration::from_millis(200);

/// A broker queue with this many messages is not examined.
const LONG_QUEUE: u32 = 1_000;

/// The largest number of ready executions that a page examines.
const PAGE: usize = 1_000;

/// The looks in a row after which messages count as lost.
const LOOKS: u32 = 2;

/// The looks in a row after which messages count as lost although consumers may hold them.
const LOOKS_WITH_HELD: u32 = 8;

/// The state of the search.
#[derive(Debug, Default)]
pub(super) struct LostMessages {
    look_at: Duration,
    count_at: Duration,
    /// Jobs whose broker queue was too short, with the looks in a row.
    short: BTreeMap<String, u32>,
    passes: Vec<Pass>,
}

/// The writing of entries for one job.
#[derive(Debug)]
struct Pass {
    job_id: String,
    missing: usize,
    after: Option<DispatchCursor>,
}

impl LostMessages {
    /// Looks at the broker queues, or writes the next page of entries. Does nothing before its
    /// time. Returns true if it has written entries.
    ///
    /// Leaves the jobs of `except` out: they have ready executions whose entries are unpublished.
    pub(super) async fn look(
        &mut self,
        connection: &Connection,
        deps: &BrokerDeps,
        routing_keys: &BTreeMap<String, String>,
        except: &[String],
    ) -> Result<bool, BrokerError> {
        let now = deps.clock.elapsed();
        if now < self.look_at {
            return Ok(false);
        }
        self.count_dead_letters(connection, deps).await?;
        if self.passes.is_empty() {
            self.find_short(connection, deps, routing_keys, except)
                .await?;
        }
        let written = self.write_page(deps).await?;
        self.look_at = now
            + if self.passes.is_empty() {
                INTERVAL
            } else {
                PAGE_INTERVAL
            };
        Ok(written > 0)
    }

    /// Counts the dead letters for the health report, if it was not done for a while.
    pub(super) async fn count_dead_letters(
        &mut self,
        connection: &Connection,
        deps: &BrokerDeps,
    ) -> Result<(), BrokerError> {
        let now = deps.clock.elapsed();
        if now < self.count_at {
            return Ok(());
        }
        self.count_at = now + INTERVAL;
        let found = topology::look_up(connection, &deps.names.dead_queue()).await?;
        deps.health
            .dead_letters(found.map_or(0, |queue| queue.message_count()));
        Ok(())
    }

    async fn find_short(
        &mut self,
        connection: &Connection,
        deps: &BrokerDeps,
        routing_keys: &BTreeMap<String, String>,
        except: &[String],
    ) -> Result<(), BrokerError> {
        let jobs = routing_keys.keys();
        let jobs: Vec<_> = jobs.filter(|job| !except.contains(job)).cloned().collect();
        let most = usize::try_from(LONG_QUEUE).unwrap_or(usize::MAX);
        let ready = deps.store.ready_counts(jobs, most).await?;
        self.short
            .retain(|job_id, _| ready.iter().any(|(ready, _)| ready == job_id));
        for (job_id, ready) in ready {
            let Some(routing_key) = routing_keys.get(&job_id) else {
                continue;
            };
            let name = deps.names.queue(routing_key)?;
            let found = topology::look_up(connection, &name).await?;
            let (messages, consumers) = found.map_or((0, 0), |queue| {
                (queue.message_count(), queue.consumer_count())
            });
            let messages = usize::try_from(messages).unwrap_or(usize::MAX);
            let held = usize::from(deps.config.prefetch)
                .saturating_mul(usize::try_from(consumers).unwrap_or(usize::MAX));
            if messages >= ready {
                self.short.remove(&job_id);
                continue;
            }
            let looks = self.short.entry(job_id.clone()).or_default();
            *looks += 1;
            let is_missing = ready > messages.saturating_add(held);
            if (is_missing && *looks >= LOOKS) || *looks >= LOOKS_WITH_HELD {
                *looks = 0;
                let missing = ready - messages;
                tracing::warn!(
                    job = job_id,
                    missing,
                    "messages are missing: publishing again"
                );
                self.passes.push(Pass {
                    job_id,
                    missing,
                    after: None,
                });
            }
        }
        Ok(())
    }

    async fn write_page(&mut self, deps: &BrokerDeps) -> Result<usize, BrokerError> {
        let Some(pass) = self.passes.last_mut() else {
            return Ok(0);
        };
        let jobs = vec![pass.job_id.clone()];
        // Not many more than are missing: most of them may have a message.
        let limit = pass.missing.clamp(PAGE / 20, PAGE);
        let page = deps.store.republish(jobs, pass.after.take(), limit).await?;
        pass.missing = pass.missing.saturating_sub(page.written);
        pass.after = page.next;
        if pass.missing == 0 || pass.after.is_none() {
            self.passes.pop();
        }
        Ok(page.written)
    }
}
