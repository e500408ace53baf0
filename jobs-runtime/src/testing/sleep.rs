//! The sleep future of a virtual clock.

use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use super::virtual_clock::Shared;

/// Completes when the virtual clock has reached `until`. Dropping it removes its waker.
pub(super) struct Sleep {
    clock: Arc<Shared>,
    until: Duration,
    key: Option<(Duration, u64)>,
}

impl Sleep {
    pub(super) fn new(clock: Arc<Shared>, duration: Duration) -> Self {
        let until = clock.lock().passed.saturating_add(duration);
        Self {
            clock,
            until,
            key: None,
        }
    }
}

impl Future for Sleep {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        let clock = Arc::clone(&self.clock);
        let mut state = clock.lock();
        if state.passed >= self.until {
            return Poll::Ready(());
        }
        let key = match self.key {
            Some(key) => key,
            None => {
                state.count += 1;
                (self.until, state.count)
            }
        };
        self.key = Some(key);
        state.sleepers.insert(key, cx.waker().clone());
        Poll::Pending
    }
}

impl Drop for Sleep {
    fn drop(&mut self) {
        if let Some(key) = self.key {
            self.clock.lock().sleepers.remove(&key);
        }
    }
}
