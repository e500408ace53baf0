//! A future that keeps a virtual clock busy: time stands still while the future has work to do.

use std::future::Future;
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll, Wake, Waker};

use jobs::{BoxFuture, Clock, Hold};

/// Wraps a future so that a virtual clock does not advance from the moment the future is woken
/// until it waits again. Under real time the future is returned as it is.
pub(crate) fn keep_clock_busy<T: 'static>(
    clock: &Arc<dyn Clock>,
    future: impl Future<Output = T> + Send + 'static,
) -> BoxFuture<'static, T> {
    let first = clock.hold();
    if !first.is_needed() {
        return Box::pin(future);
    }
    Box::pin(BusyFuture {
        future: Box::pin(future),
        waker: Arc::new(BusyWaker {
            clock: Arc::clone(clock),
            state: Mutex::new(State {
                hold: Some(first),
                is_woken: true,
                is_done: false,
                outer: None,
            }),
        }),
    })
}

struct BusyFuture<T> {
    future: BoxFuture<'static, T>,
    waker: Arc<BusyWaker>,
}

/// The waker of the inner future. A wake-up takes a hold of the clock before it wakes the task, so
/// that the clock never sees an idle moment in between.
struct BusyWaker {
    clock: Arc<dyn Clock>,
    state: Mutex<State>,
}

struct State {
    hold: Option<Hold>,
    is_woken: bool,
    /// The future is complete or dropped: a wake-up takes no hold.
    is_done: bool,
    outer: Option<Waker>,
}

impl Wake for BusyWaker {
    fn wake(self: Arc<Self>) {
        let outer = {
            let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
            state.is_woken = true;
            if state.hold.is_none() && !state.is_done {
                state.hold = Some(self.clock.hold());
            }
            state.outer.clone()
        };
        if let Some(outer) = outer {
            outer.wake();
        }
    }
}

impl<T> Future for BusyFuture<T> {
    type Output = T;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<T> {
        let inner = Arc::clone(&self.waker);
        {
            let mut state = inner.state.lock().unwrap_or_else(PoisonError::into_inner);
            state.is_woken = false;
            state.outer = Some(cx.waker().clone());
            if state.hold.is_none() {
                state.hold = Some(inner.clock.hold());
            }
        }
        let waker = Waker::from(Arc::clone(&inner));
        let polled = self.future.as_mut().poll(&mut Context::from_waker(&waker));
        let released = {
            let mut state = inner.state.lock().unwrap_or_else(PoisonError::into_inner);
            state.is_done = polled.is_ready();
            if state.is_woken && polled.is_pending() {
                None
            } else {
                state.hold.take()
            }
        };
        drop(released);
        polled
    }
}

impl<T> Drop for BusyFuture<T> {
    fn drop(&mut self) {
        let mut state = self
            .waker
            .state
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        state.is_done = true;
        let released = state.hold.take();
        drop(state);
        drop(released);
    }
}
