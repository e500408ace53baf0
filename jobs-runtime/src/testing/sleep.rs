//! Waiting on a virtual clock.

use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use super::virtual_clock::Shared;

/// Ends when its moment has come; waits nowhere after it was dropped.
pub(super) struct Sleep {
    clock: Arc<Shared>,
    until: Duration,
    place: Option<(Duration, u64)>,
}

impl Sleep {
    pub(super) fn new(clock: Arc<Shared>, duration: Duration) -> Self {
        let until = clock.lock().passed.saturating_add(duration);
        Self {
            clock,
            until,
            place: None,
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
        let place = match self.place {
            Some(place) => place,
            None => {
                state.count += 1;
                (self.until, state.count)
            }
        };
        self.place = Some(place);
        state.sleepers.insert(place, cx.waker().clone());
        Poll::Pending
    }
}

impl Drop for Sleep {
    fn drop(&mut self) {
        if let Some(place) = self.place {
            self.clock.lock().sleepers.remove(&place);
        }
    }
}
