//! Threads of this crate, on machines that allow few of them.
//!
//! The module may import nothing of the crate. It must not know what the threads are for.

use std::future::Future;
use std::io;
#[cfg(any(feature = "cli", feature = "postgres"))]
use std::sync::{Arc, PoisonError, RwLock};
use std::thread;

/// Starts a thread that runs the future of `work` on a tokio runtime of its own. The future need
/// not be `Send`.
pub(crate) fn spawn<F: Future<Output = ()>>(
    name: &str,
    runtime: tokio::runtime::Runtime,
    work: impl FnOnce() -> F + Send + 'static,
) -> io::Result<()> {
    let mut runtime = OwnedRuntime(Some(runtime));
    let thread = thread::Builder::new().name(name.to_owned());
    let spawned = thread.spawn(move || {
        if let Some(runtime) = runtime.0.take() {
            runtime.block_on(work());
        }
    });
    spawned.map(drop).map_err(|error| explained(&error))
}

/// A runtime that may be dropped on a thread of another one: without a thread, `spawn` drops what
/// it was given. A plain `Runtime` panics there.
struct OwnedRuntime(Option<tokio::runtime::Runtime>);

impl Drop for OwnedRuntime {
    fn drop(&mut self) {
        if let Some(runtime) = self.0.take() {
            runtime.shutdown_background();
        }
    }
}

/// Returns an error if this process cannot have `count` more threads at once. The multi-threaded
/// runtime of tokio panics in that case.
#[cfg(any(feature = "cli", feature = "postgres"))]
pub(crate) fn check(count: usize) -> io::Result<()> {
    let gate = Arc::new(RwLock::new(()));
    let closed = gate.write().unwrap_or_else(PoisonError::into_inner);
    let mut waiting = Vec::with_capacity(count);
    let mut refused = None;
    for _ in 0..count {
        let gate = Arc::clone(&gate);
        let thread = thread::Builder::new().name("jobs-probe".to_owned());
        match thread.spawn(move || drop(gate.read())) {
            Ok(thread) => waiting.push(thread),
            Err(error) => {
                refused = Some(explained(&error));
                break;
            }
        }
    }
    drop(closed);
    for thread in waiting {
        // A probe does nothing that can panic.
        let _ = thread.join();
    }
    refused.map_or(Ok(()), Err)
}

/// Adds to the error what to do.
pub(crate) fn explained(error: &io::Error) -> io::Error {
    let text = format!(
        "{error}; allow this process more threads (`ulimit -u`, `TasksMax` of a unit, `pids.max` \
         of a container)"
    );
    io::Error::new(error.kind(), text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[cfg(any(feature = "cli", feature = "postgres"))]
    #[test]
    fn threads_that_are_allowed_pass() {
        check(8).unwrap();
    }

    /// A thread that cannot be started drops its runtime where the caller stands.
    #[tokio::test]
    async fn a_runtime_is_dropped_on_a_thread_of_another_one() {
        let runtime = tokio::runtime::Builder::new_current_thread().build();
        drop(OwnedRuntime(Some(runtime.unwrap())));
    }
}
