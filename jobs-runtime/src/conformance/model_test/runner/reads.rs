//! Everything that can be read.

use super::super::model::Session;
use super::{JOBS, Play, Played, broken, same};
use crate::conformance::fixtures::*;
use crate::conformance::model_test::expected::comparable;

impl Play {
    /// Everything that can be read, in the end.
    pub(in crate::conformance::model_test) async fn end(&mut self) -> Played {
        for handle in [0, 1] {
            self.watch(handle).await?;
            for id in self.ids.clone() {
                self.look(handle, id).await?;
            }
            self.list_executions(handle).await?;
        }
        Ok(())
    }

    /// Where every execution stands, from the other side than the last step was told from.
    pub(in crate::conformance::model_test) async fn execution_states(&self, handle: u8) -> Played {
        let ids = self.ids.clone();
        let answer = self.at(handle).execution_states(ids.clone()).await;
        let told = answer.map_err(broken)?;
        let expected: Vec<_> = ids
            .iter()
            .filter_map(|id| {
                let execution = &self.model.executions[self.model.find(*id)?];
                Some(ExecutionState {
                    execution_id: *id,
                    job_id: execution.new.job_id.clone(),
                    status: execution.status(),
                })
            })
            .collect();
        same("execution_states", &told, &expected)
    }

    pub(in crate::conformance::model_test) async fn watch(&mut self, handle: u8) -> Played {
        let sessions = self.at(handle).sessions().await.map_err(broken)?;
        let processes = self.at(handle).processes().await.map_err(broken)?;
        let told: Vec<_> = sessions
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
        // One that was closed by a take-over is listed while something of it is left to take.
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
        same("sessions", &told, &expected)?;
        let open = self.model.sessions.iter().filter(|session| session.open);
        same("processes", &processes.len(), &open.count())?;
        for beat in sessions {
            let renewals = self.model.session(beat.session).map_or(0, |s| s.renewals);
            let mut before = self
                .watched
                .iter()
                .filter(|(b, _)| b.session == beat.session);
            if let Some((old, then)) = before.next_back() {
                let what = "whether the beat stands still";
                same(what, &(old.beat == beat.beat), &(*then == renewals))?;
            }
            let session = beat.session;
            self.watched.push((beat, renewals));
            let asked = self
                .at(handle)
                .cancel_requests(session)
                .await
                .map_err(broken)?;
            let asked: Vec<_> = asked
                .iter()
                .filter_map(|fence| self.named(*fence))
                .collect();
            let expected = self.model.cancel_requests(session);
            same("cancel_requests", &asked, &expected)?;
        }
        Ok(())
    }

    pub(in crate::conformance::model_test) fn named(&self, fence: Fence) -> Option<ExecutionId> {
        let known = self.fences.iter().find(|(known, _)| *known == fence);
        known.map(|(_, id)| *id)
    }

    pub(in crate::conformance::model_test) async fn look(
        &self,
        handle: u8,
        id: ExecutionId,
    ) -> Played {
        let store = self.at(handle);
        let read = store.execution(id).await.map_err(broken)?;
        let ahead = store.ahead(id, 1_000).await.map_err(broken)?;
        let log = store.logs(whole_log(id)).await.map_err(broken)?;
        let known = self.model.find(id).map(|n| &self.model.executions[n]);
        let Some(execution) = known else {
            return same("whether it is there", &read.is_some(), &false);
        };
        let by_hand = execution.retried_by_hand;
        let read = read.map(|read| comparable(read, by_hand));
        let expected = comparable(self.model.record(execution), by_hand);
        same("execution", &read, &Some(expected))?;
        same("ahead", &ahead, &self.model.ahead(id))?;
        let lines = log.map(|page| {
            let lines = page.lines.into_iter();
            lines
                .map(|l| ((l.attempt, l.line.line), l.line.message))
                .collect()
        });
        same("log", &lines, &Some(execution.lines.clone()))
    }

    pub(in crate::conformance::model_test) async fn list_executions(&self, handle: u8) -> Played {
        let statuses = ExecutionStatus::ALL.iter().copied().map(Some);
        for status in std::iter::once(None).chain(statuses) {
            for job in [None, Some(JOBS[1])] {
                let mut query = ExecutionQuery::newest(3);
                query.status = status;
                query.job_id = job.map(str::to_owned);
                let mut told = Vec::new();
                loop {
                    let page = self
                        .at(handle)
                        .list_executions(query.clone())
                        .await
                        .map_err(broken)?;
                    told.extend(page.executions.into_iter().map(|read| {
                        let n = self.model.find(read.id);
                        let by_hand = n.is_some_and(|n| self.model.executions[n].retried_by_hand);
                        comparable(read, by_hand)
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
                        comparable(record, execution.retried_by_hand)
                    })
                    .collect();
                same("feed", &told, &expected)?;
            }
        }
        Ok(())
    }
}
