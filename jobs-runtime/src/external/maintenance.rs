//! Promotion and rescue in a process that serves external workers and has no worker of its own.
//!
//! The engine's loops promote retries, admit blocked executions and rescue dead workers. A process
//! without a worker starts an engine without jobs for these loops, with the first external worker.

use std::io;
use std::sync::Mutex;
use std::sync::{OnceLock, PoisonError};

use crate::engine::{Engine, Stop};

/// Starts an engine without jobs.
pub(crate) type StartMaintenance = Box<dyn FnOnce() -> io::Result<Engine> + Send>;

/// The engine, once it was needed.
pub(super) struct Maintenance {
    start: Mutex<Option<StartMaintenance>>,
    engine: OnceLock<Engine>,
}

impl Maintenance {
    pub(super) fn new(start: Option<StartMaintenance>) -> Self {
        Self {
            start: Mutex::new(start),
            engine: OnceLock::new(),
        }
    }

    /// Starts the engine if this process needs one.
    pub(super) fn start(&self) {
        let start = self
            .start
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .take();
        match start.map(|start| start()) {
            Some(Ok(engine)) => drop(self.engine.set(engine)),
            Some(Err(error)) => tracing::error!(
                %error,
                "this process does not promote retries and rescues no worker; another one must"
            ),
            None => {}
        }
    }

    pub(super) fn stop(&self) {
        // A later first request starts no engine.
        self.start
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .take();
        if let Some(engine) = self.engine.get() {
            engine.stop(Stop::Drain);
        }
    }

    pub(super) async fn ended(&self) {
        if let Some(engine) = self.engine.get() {
            engine.ended().await;
        }
    }
}
