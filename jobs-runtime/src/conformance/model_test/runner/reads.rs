//! Reads: all data that readers can see.

use super::super::model::Session;
use super::{Checked, JOBS, Runner, check_equal, store_error};
use crate::conformance::fixtures::*;
use crate::conformance::model_test::expected::comparable;

impl Runner {
    /// Compares all data that can be read, at the end of a sequence.
    pub(in crate::conformance::model_test) async fn end(&mut self) -> Checked {
        for handle in [0, 1] {
            self.watch(handle).await?;
            for id in self.ids.clone() {
                self.read_all(handle, id).await?;
            }
            self.list_executions(handle).await?;
        }
        Ok(())
    }

    /// Compares the states of all executions.
    pub(in crate::conformance::model_test) async fn execution_states(&self, handle: u8) -> Checked {
        let ids = self.ids.clone();
        let answer = self.at(handle).execution_states(ids.clone()).await;
        let actual = answer.map_err(store_error)?;
        let expected: Vec<_> = ids
            .iter()
            .filter_map(|id| {
                let execution = &self.model.executions[self.model.find(*id)?];
                Some(ExecutionState {
                    execution_id: *id,
                    job_id: execution.new.job_id.clone(),
                    queue: execution.new.queue.clone(),
                    status: execution.status(),
                })
            })
            .collect();
        check_equal("execution_states", &actual, &expected)
    }

    pub(in crate::conformance::model_test) async fn watch(&mut self, handle: u8) -> Checked {
        let sessions = self.at(handle).sessions().await.map_err(store_error)?;
        let processes = self.at(handle).processes().await.map_err(store_error)?;
        let actual: Vec<_> = sessions
            .iter()
            .map(|beat| {
                let running = processes.iter().find(|p| p.session == beat.session);
                let running = running.map(|process| process.running);
                let beat = beat.clone();
                (
                    beat.session,
                    beat.worker,
                    beat.opened_at,
                    beat.renewed_at,
                    running,
                )
            })
            .collect();
        let leases = |session: &Session| self.model.leased_by(session.id).len() as u64;
        let all = self.model.sessions.iter();
        // A session that a take-over has closed is listed while it holds leases.
        let listed = all.filter(|session| session.open || leases(session) > 0);
        let expected: Vec<_> = listed
            .map(|session| {
                let running = session.open.then(|| leases(session));
                let worker = session.worker.clone();
                (
                    session.id,
                    worker,
                    session.opened_at,
                    session.renewed_at,
                    running,
                )
            })
            .collect();
        check_equal("sessions", &actual, &expected)?;
        let open = self.model.sessions.iter().filter(|session| session.open);
        check_equal("processes", &processes.len(), &open.count())?;
        for beat in sessions {
            let renewals = self.model.session(beat.session).map_or(0, |s| s.renewals);
            let mut before = self
                .watched
                .iter()
                .filter(|(b, _)| b.session == beat.session);
            if let Some((old, then)) = before.next_back() {
                let what = "unchanged beat";
                check_equal(what, &(old.beat == beat.beat), &(*then == renewals))?;
            }
            let session = beat.session;
            self.watched.push((beat, renewals));
            let requested = self
                .at(handle)
                .cancel_requests(session)
                .await
                .map_err(store_error)?;
            let requested: Vec<_> = requested
                .iter()
                .filter_map(|fence| self.execution_of(*fence))
                .collect();
            let expected = self.model.cancel_requests(session);
            check_equal("cancel_requests", &requested, &expected)?;
        }
        Ok(())
    }

    pub(in crate::conformance::model_test) fn execution_of(
        &self,
        fence: Fence,
    ) -> Option<ExecutionId> {
        let known = self.fences.iter().find(|(known, _)| *known == fence);
        known.map(|(_, id)| *id)
    }

    pub(in crate::conformance::model_test) async fn read_all(
        &self,
        handle: u8,
        id: ExecutionId,
    ) -> Checked {
        let store = self.at(handle);
        let read = store.execution(id).await.map_err(store_error)?;
        let ahead = store.ahead(id, 1_000).await.map_err(store_error)?;
        let log = store.logs(whole_log(id)).await.map_err(store_error)?;
        let known = self.model.find(id).map(|n| &self.model.executions[n]);
        let Some(execution) = known else {
            return check_equal("existence", &read.is_some(), &false);
        };
        let manually = execution.retried_manually;
        let read = read.map(|read| comparable(read, manually));
        let expected = comparable(self.model.record(execution), manually);
        check_equal("execution", &read, &Some(expected))?;
        check_equal("ahead", &ahead, &self.model.ahead(id))?;
        let lines = log.map(|page| {
            let lines = page.lines.into_iter();
            lines
                .map(|l| ((l.attempt, l.line.line), l.line.message))
                .collect()
        });
        check_equal("log", &lines, &Some(execution.lines.clone()))
    }

    pub(in crate::conformance::model_test) async fn list_executions(&self, handle: u8) -> Checked {
        let statuses = ExecutionStatus::ALL.iter().copied().map(Some);
        for status in std::iter::once(None).chain(statuses) {
            for job in [None, Some(JOBS[1])] {
                let mut query = ExecutionQuery::newest(3);
                query.status = status;
                query.job_id = job.map(str::to_owned);
                let mut actual = Vec::new();
                loop {
                    let page = self
                        .at(handle)
                        .list_executions(query.clone())
                        .await
                        .map_err(store_error)?;
                    actual.extend(page.executions.into_iter().map(|read| {
                        let n = self.model.find(read.id);
                        let manually = n.is_some_and(|n| self.model.executions[n].retried_manually);
                        comparable(read, manually)
                    }));
                    query.cursor = page.next_cursor;
                    if query.cursor.is_none() {
                        break;
                    }
                }
                let all = self.model.executions.iter().rev();
                let shown = all.filter(|execution| {
                    !execution.deleted
                        && status.is_none_or(|status| execution.status() == status)
                        && job.is_none_or(|job| execution.new.job_id == job)
                });
                let expected: Vec<_> = shown
                    .map(|execution| {
                        let mut record = self.model.record(execution);
                        record.attempts.clear();
                        comparable(record, execution.retried_manually)
                    })
                    .collect();
                check_equal("list", &actual, &expected)?;
            }
        }
        Ok(())
    }
}
