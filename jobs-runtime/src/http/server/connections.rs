//! The open connections: their number, their addresses, and which of them are idle.

use std::collections::{BTreeMap, HashMap};
use std::net::IpAddr;
use std::pin::Pin;
use std::sync::atomic::{AtomicUsize, Ordering};
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
    /// By the order of their last activity.
    places: BTreeMap<u64, Arc<State>>,
    by_address: HashMap<IpAddr, usize>,
    next: u64,
}

#[derive(Debug, Default)]
struct State {
    /// Requests that are not answered yet.
    requests: AtomicUsize,
    evicted: CancellationToken,
}

/// The place of one connection. It is free again when dropped.
#[derive(Debug)]
pub(super) struct Place {
    connections: Arc<Connections>,
    number: u64,
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
            let idle = open
                .places
                .iter()
                .find(|(_, state)| state.requests.load(Ordering::Acquire) == 0);
            let number = *idle?.0;
            let state = open.places.remove(&number)?;
            state.evicted.cancel();
        }
        let number = open.next;
        open.next += 1;
        let state = Arc::<State>::default();
        open.places.insert(number, Arc::clone(&state));
        if let Some(address) = address {
            *open.by_address.entry(address).or_default() += 1;
        }
        Some(Place {
            connections: Arc::clone(self),
            number,
            address,
            state,
        })
    }

    fn open(&self) -> MutexGuard<'_, Open> {
        self.open.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Place {
    /// Completes when the connection must make room for another one.
    pub(super) async fn evicted(&self) {
        self.state.evicted.cancelled().await;
    }

    /// Marks the connection as busy until the guard is dropped.
    pub(super) fn begin_request(&self) -> Busy {
        self.state.requests.fetch_add(1, Ordering::AcqRel);
        Busy(Arc::clone(&self.state))
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut open = self.connections.open();
        open.places.remove(&self.number);
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

/// A request that is not answered yet.
#[derive(Debug)]
pub(super) struct Busy(Arc<State>);

impl Busy {
    /// Keeps the connection busy until the body has been sent.
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
        let _fourth = connections
            .take(local)
            .expect("the first one is idle again");
        assert!(first.state.evicted.is_cancelled());
        drop((also_busy, second, first, third));
        assert_eq!(connections.open().places.len(), 1);
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
