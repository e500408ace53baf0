//! The audit log: the actor of a request, and the entry of each act.
//!
//! HTTP and the command line run each request in the [`scope`](Actor::scope) of its [`Actor`]. The
//! methods of the service that change something add an entry for it. A call without an actor, such
//! as an enqueue of a handler, adds none.
//!
//! An entry is written after its act has taken effect. If it cannot be written, the log of the
//! program has it as an error: the act itself is not undone. Entries of triggers over HTTP are
//! written together, 100 ms later, so that they slow no trigger down. A graceful stop writes them
//! too; a crash loses those that still wait.

use std::collections::VecDeque;
use std::net::IpAddr;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use jobs::ExecutionId;
use serde_json::{Value, json};

use super::JobService;
use crate::store::{AuditEntry, AuditPage, AuditQuery, ExecutionRecord, Role, StoreError};

/// The time for which entries of triggers are collected.
const COLLECT: Duration = Duration::from_millis(100);

/// The entries that are written together.
const MAX_TOGETHER: usize = 500;

tokio::task_local! {
    static ACTOR: Actor;
}

/// The person or program that acts.
#[derive(Clone, Debug)]
pub(crate) struct Actor {
    name: String,
    role: Role,
    address: Option<IpAddr>,
    /// True if the process lives on after the act, so that an entry can be written later.
    is_served: bool,
}

impl Actor {
    /// The caller of a request.
    #[cfg(feature = "http")]
    pub(crate) fn caller(name: &str, role: Role, address: Option<IpAddr>) -> Self {
        Self {
            name: name.to_owned(),
            role,
            address: address.filter(|address| !address.is_unspecified()),
            is_served: true,
        }
    }

    /// The user of the command line, with access to the store itself.
    #[cfg(feature = "cli")]
    pub(crate) fn local_user() -> Self {
        let name = ["USER", "LOGNAME"].into_iter().find_map(|variable| {
            let name = std::env::var(variable).ok()?;
            (!name.is_empty()).then_some(name)
        });
        Self {
            name: name.unwrap_or_else(|| "unknown".to_owned()),
            role: Role::Admin,
            address: None,
            is_served: false,
        }
    }

    /// The actor in whose scope the call is; `None` without one.
    pub(crate) fn current() -> Option<Self> {
        ACTOR.try_with(Self::clone).ok()
    }

    /// The name of the actor in whose scope the call is; `None` without one.
    pub(super) fn name_of_current() -> Option<String> {
        Self::current().map(|actor| actor.name)
    }

    /// Runs a request or a command of the actor.
    #[cfg(feature = "http")]
    pub(crate) async fn scope<F: Future>(self, acts: F) -> F::Output {
        ACTOR.scope(self, acts).await
    }
}

/// Entries of triggers that are not written yet.
#[derive(Debug, Default)]
pub(super) struct Pending {
    entries: Mutex<VecDeque<AuditEntry>>,
    /// True while a task writes them.
    is_writing: AtomicBool,
}

impl JobService {
    /// Returns a page of the audit log, newest first.
    ///
    /// # Errors
    /// The store's.
    pub async fn audit(&self, query: AuditQuery) -> Result<AuditPage, StoreError> {
        self.flush_audit().await;
        self.store().audit(query).await
    }

    /// Adds the entry of an act to the audit log, if it has an actor.
    pub(crate) async fn record_act(
        &self,
        action: &str,
        target: impl Into<String>,
        before: Option<Value>,
        after: Option<Value>,
    ) {
        if let Some((entry, _)) = self.entry(action, target.into(), before, after) {
            self.write_entries(vec![entry]).await;
        }
    }

    /// Adds the entry about sensitive values that were shown.
    #[cfg(feature = "http")]
    pub(crate) async fn record_reveal(&self, id: ExecutionId) {
        self.record_act("execution.reveal", id.to_string(), None, None)
            .await;
    }

    /// Adds the entry of a trigger. Over HTTP it is written a little later.
    pub(super) async fn record_trigger(&self, target: String, after: Value) {
        let Some((entry, actor)) = self.entry("execution.trigger", target, None, Some(after))
        else {
            return;
        };
        if !actor.is_served {
            self.write_entries(vec![entry]).await;
            return;
        }
        self.waiting_entries().push_back(entry);
        if self.inner.audit.is_writing.swap(true, Ordering::AcqRel) {
            return;
        }
        let service = self.clone();
        tokio::spawn(async move {
            service.clock().sleep(COLLECT).await;
            service
                .inner
                .audit
                .is_writing
                .store(false, Ordering::Release);
            service.flush_audit().await;
        });
    }

    /// Writes the entries that wait.
    pub(crate) async fn flush_audit(&self) {
        loop {
            let entries: Vec<_> = {
                let mut pending = self.waiting_entries();
                let count = pending.len().min(MAX_TOGETHER);
                pending.drain(..count).collect()
            };
            if entries.is_empty() {
                return;
            }
            self.write_entries(entries).await;
        }
    }

    /// Reads an execution for the state before an act; `None` without an actor.
    pub(super) async fn state_before(&self, id: ExecutionId) -> Option<Value> {
        if ACTOR.try_with(|_| ()).is_err() {
            return None;
        }
        let execution = self.store().execution(id).await.ok().flatten();
        execution.as_ref().map(state)
    }

    fn entry(
        &self,
        action: &str,
        target: String,
        before: Option<Value>,
        after: Option<Value>,
    ) -> Option<(AuditEntry, Actor)> {
        let actor = Actor::current()?;
        let entry = AuditEntry {
            at: self.now(),
            actor: actor.name.clone(),
            role: actor.role.as_str().to_owned(),
            address: actor.address.map(|address| address.to_string()),
            action: action.to_owned(),
            target,
            before,
            after,
        };
        Some((entry, actor))
    }

    async fn write_entries(&self, entries: Vec<AuditEntry>) {
        let Err(error) = self.store().append_audit(entries.clone()).await else {
            return;
        };
        for entry in entries {
            let entry = json!(entry);
            tracing::error!(%error, %entry, "an act is missing in the audit log");
        }
    }

    fn waiting_entries(&self) -> std::sync::MutexGuard<'_, VecDeque<AuditEntry>> {
        let entries = self.inner.audit.entries.lock();
        entries.unwrap_or_else(PoisonError::into_inner)
    }
}

/// The state of an execution in the log, without values of its payload.
fn state(execution: &ExecutionRecord) -> Value {
    json!({
        "jobId": execution.job_id,
        "status": execution.status,
        "priority": execution.priority,
    })
}
