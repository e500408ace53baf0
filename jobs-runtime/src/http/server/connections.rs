//! The open connections: their number, their addresses, and which of them are idle.

use std::collections::{BTreeMap, HashMap};
use std::net::IpAddr;
use std::pin::Pin;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll};

use axum::body::Body;
use hyper::body::{Bytes, Frame, SizeHint};
use tokio_util::sync::CancellationToken;

/// The open connections of a server.
#[derive(Debug)]
pub(super) struct Connections {
    most: usize,
    most_per_address: usize,
    open: Mutex<Open>,
}

#[derive(Debug, Default)]
struct Open {
    /// By the order in which they were opened, or have become idle.
    places: BTreeMap<u64, Arc<State>>,
    by_address: HashMap<IpAddr, usize>,
    next: u64,
}

#[derive(Debug, Default)]
struct State {
    /// The key of its place. It changes only while the places are locked.
    number: AtomicU64,
    /// Requests whose answers hyper has not taken yet.
    requests: AtomicUsize,
    /// True from a request until its answer has been handed to the operating system.
    is_writing: AtomicBool,
    evicted: CancellationToken,
}

impl State {
    fn is_idle(&self) -> bool {
        self.requests.load(Ordering::Acquire) == 0 && !self.is_writing.load(Ordering::Acquire)
    }
}

/// The place of one connection. It is free again when dropped.
#[derive(Debug)]
pub(super) struct Place {
    connections: Arc<Connections>,
    address: Option<IpAddr>,
    state: Arc<State>,
}

impl Connections {
    pub(super) fn new(most: usize, most_per_address: usize) -> Self {
        Self {
            most,
            most_per_address,
            open: Mutex::default(),
        }
    }

    /// Takes a place for a connection. If all are taken, the connection that has been idle for the
    /// longest time makes room. `None` if none is idle, or if the address has too many.
    pub(super) fn take(self: &Arc<Self>, address: IpAddr) -> Option<Place> {
        let mut open = self.open();
        // Behind a proxy on this machine, all callers have its address.
        let address = Some(address.to_canonical()).filter(|address| !address.is_loopback());
        let of_address = address.and_then(|address| open.by_address.get(&address).copied());
        if of_address.unwrap_or(0) >= self.most_per_address {
            return None;
        }
        if open.places.len() >= self.most {
            let idle = open.places.iter().find(|(_, state)| state.is_idle());
            let number = *idle?.0;
            let state = open.places.remove(&number)?;
            state.evicted.cancel();
        }
        let state = Arc::<State>::default();
        open.insert(Arc::clone(&state));
        if let Some(address) = address {
            *open.by_address.entry(address).or_default() += 1;
        }
        Some(Place {
            connections: Arc::clone(self),
            address,
            state,
        })
    }

    fn open(&self) -> MutexGuard<'_, Open> {
        self.open.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Open {
    /// Inserts a connection behind all others.
    fn insert(&mut self, state: Arc<State>) {
        state.number.store(self.next, Ordering::Relaxed);
        self.places.insert(self.next, state);
        self.next += 1;
    }

    /// Removes a connection. `None` if it was evicted.
    fn remove(&mut self, state: &State) -> Option<Arc<State>> {
        self.places.remove(&state.number.load(Ordering::Relaxed))
    }
}

impl Place {
    /// Completes when the connection must make room for another one.
    pub(super) async fn evicted(&self) {
        self.state.evicted.cancelled().await;
    }

    /// Marks the connection as busy until the guard is dropped and what was written is flushed.
    pub(super) fn begin_request(&self) -> Busy {
        self.state.is_writing.store(true, Ordering::Release);
        self.state.requests.fetch_add(1, Ordering::AcqRel);
        Busy(Arc::clone(&self.state))
    }

    /// Everything that was written is flushed. After an answer, the connection is idle from now on.
    pub(super) fn flushed(&self) {
        let state = &self.state;
        if state.requests.load(Ordering::Acquire) > 0
            || !state.is_writing.swap(false, Ordering::AcqRel)
        {
            return;
        }
        let mut open = self.connections.open();
        if let Some(state) = open.remove(state) {
            open.insert(state);
        }
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut open = self.connections.open();
        open.remove(&self.state);
        if let Some(address) = self.address
            && let Some(count) = open.by_address.get_mut(&address)
        {
            *count -= 1;
            if *count == 0 {
                open.by_address.remove(&address);
            }
        }
    }
}

/// A request whose answer hyper has not taken yet.
#[derive(Debug)]
pub(super) struct Busy(Arc<State>);

impl Busy {
    /// Keeps the connection busy until hyper has taken the whole body.
    pub(super) fn until_end_of(self, body: Body) -> Body {
        Body::new(BusyBody { body, _busy: self })
    }
}

impl Drop for Busy {
    fn drop(&mut self) {
        self.0.requests.fetch_sub(1, Ordering::AcqRel);
    }
}

struct BusyBody {
    body: Body,
    _busy: Busy,
}

impl hyper::body::Body for BusyBody {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, axum::Error>>> {
        Pin::new(&mut self.body).poll_frame(context)
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn address(text: &str) -> IpAddr {
        text.parse().expect("an address")
    }

    #[test]
    fn the_oldest_idle_connection_makes_room() {
        let connections = Arc::new(Connections::new(2, 10));
        let local = address("127.0.0.1");
        let first = connections.take(local).expect("room");
        let second = connections.take(local).expect("room");
        let busy = first.begin_request();
        let third = connections.take(local).expect("the second one makes room");
        assert!(second.state.evicted.is_cancelled());
        assert!(!first.state.evicted.is_cancelled());
        let also_busy = third.begin_request();
        assert!(connections.take(local).is_none(), "none is idle");
        drop(busy);
        assert!(connections.take(local).is_none(), "its answer is not sent");
        first.flushed();
        let _fourth = connections
            .take(local)
            .expect("the first one is idle again");
        assert!(first.state.evicted.is_cancelled());
        drop((also_busy, second, first, third));
        assert_eq!(connections.open().places.len(), 1);
    }

    #[test]
    fn the_connection_that_has_been_idle_for_longest_makes_room() {
        let connections = Arc::new(Connections::new(2, 10));
        let local = address("127.0.0.1");
        let first = connections.take(local).expect("room");
        let second = connections.take(local).expect("room");
        // Nothing was asked, so nothing changes.
        second.flushed();
        let busy = first.begin_request();
        first.flushed();
        drop(busy);
        first.flushed();
        let _third = connections.take(local).expect("the second one makes room");
        assert!(second.state.evicted.is_cancelled());
        assert!(!first.state.evicted.is_cancelled());
        // An evicted connection takes no place any more.
        drop(second.begin_request());
        second.flushed();
        assert_eq!(connections.open().places.len(), 2);
    }

    #[test]
    fn an_address_has_a_bound_of_its_own_except_on_this_machine() {
        let connections = Arc::new(Connections::new(100, 2));
        let far = address("192.0.2.7");
        let places: Vec<_> = (0..2)
            .map(|_| connections.take(far).expect("room"))
            .collect();
        assert!(connections.take(far).is_none());
        assert!(connections.take(address("::ffff:192.0.2.7")).is_none());
        let _other = connections.take(address("192.0.2.8")).expect("room");
        let _local: Vec<_> = (0..9)
            .map(|_| connections.take(address("::1")).expect("room"))
            .collect();
        drop(places);
        assert!(connections.take(far).is_some());
    }
}
