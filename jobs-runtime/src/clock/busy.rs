//! A future that holds its clock whenever it has something to do.

use std::future::Future;
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll, Wake, Waker};

use jobs::{BoxFuture, Clock, Hold};

/// Wraps a future that takes part in a runtime under a test clock: from the moment it is woken
/// until it waits again, time stands still. Under real time it is the future itself.
pub(crate) fn held<T: 'static>(
    clock: &Arc<dyn Clock>,
    future: impl Future<Output = T> + Send + 'static,
) -> BoxFuture<'static, T> {
    let first = clock.hold();
    if !first.is_needed() {
        return Box::pin(future);
    }
    Box::pin(Held {
        future: Box::pin(future),
        work: Arc::new(Work {
            clock: Arc::clone(clock),
            state: Mutex::new(State {
                hold: Some(first),
                woken: true,
                over: false,
                outer: None,
            }),
        }),
    })
}

struct Held<T> {
    future: BoxFuture<'static, T>,
    work: Arc<Work>,
}

/// What the future waits by: being woken takes a hold before anyone else can see that nothing is
/// to be done.
struct Work {
    clock: Arc<dyn Clock>,
    state: Mutex<State>,
}

struct State {
    hold: Option<Hold>,
    woken: bool,
    /// Whether the future is done or gone: waking it means nothing.
    over: bool,
    outer: Option<Waker>,
}

impl Wake for Work {
    fn wake(self: Arc<Self>) {
        let outer = {
            let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
            state.woken = true;
            if state.hold.is_none() && !state.over {
                state.hold = Some(self.clock.hold());
            }
            state.outer.clone()
        };
        if let Some(outer) = outer {
            outer.wake();
        }
    }
}

impl<T> Future for Held<T> {
    type Output = T;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<T> {
        let work = Arc::clone(&self.work);
        {
            let mut state = work.state.lock().unwrap_or_else(PoisonError::into_inner);
            state.woken = false;
            state.outer = Some(cx.waker().clone());
            if state.hold.is_none() {
                state.hold = Some(work.clock.hold());
            }
        }
        let waker = Waker::from(Arc::clone(&work));
        let polled = self.future.as_mut().poll(&mut Context::from_waker(&waker));
        let released = {
            let mut state = work.state.lock().unwrap_or_else(PoisonError::into_inner);
            state.over = polled.is_ready();
            match state.woken && polled.is_pending() {
                true => None,
                false => state.hold.take(),
            }
        };
        drop(released);
        polled
    }
}

impl<T> Drop for Held<T> {
    fn drop(&mut self) {
        let mut state = self
            .work
            .state
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        state.over = true;
        let released = state.hold.take();
        drop(state);
        drop(released);
    }
}
