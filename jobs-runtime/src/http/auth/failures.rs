//! Failed attempts to authenticate: each one of an address is answered more slowly.
//!
//! Only the answers to wrong tokens wait. A right token never waits, not even from an address
//! with many failures: other callers may share it behind a proxy.

use std::collections::HashMap;
use std::net::{IpAddr, Ipv6Addr};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use tokio::sync::{Semaphore, SemaphorePermit};

/// Failures of an address that are answered at once.
const FREE: u32 = 3;

/// The delay of the first slow answer. Each further failure doubles it.
const FIRST_DELAY: Duration = Duration::from_millis(250);

/// The longest delay.
const LONGEST_DELAY: Duration = Duration::from_secs(4);

/// The time without a failure after which an address begins anew.
const FORGET: Duration = Duration::from_secs(600);

/// The addresses that are remembered. The one with the oldest failure makes room for a new one.
const MAX_ADDRESSES: usize = 4_096;

/// The answers that wait at a time. Further ones are refused at once.
const MAX_WAITING: usize = 64;

/// The failures of each address.
#[derive(Debug)]
pub(super) struct Failures {
    addresses: Mutex<HashMap<IpAddr, Failed>>,
    waiting: Semaphore,
}

#[derive(Clone, Copy, Debug)]
struct Failed {
    count: u32,
    /// The time of the last failure, on the monotonic clock.
    last: Duration,
}

impl Failures {
    pub(super) fn new() -> Self {
        Self {
            addresses: Mutex::default(),
            waiting: Semaphore::new(MAX_WAITING),
        }
    }

    /// Records a failure and returns the delay of its answer.
    pub(super) fn record(&self, address: IpAddr, now: Duration) -> Duration {
        let mut addresses = self
            .addresses
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        let address = network(address);
        if addresses.len() >= MAX_ADDRESSES && !addresses.contains_key(&address) {
            let oldest = addresses.iter().min_by_key(|(_, failed)| failed.last);
            if let Some(oldest) = oldest.map(|(address, _)| *address) {
                addresses.remove(&oldest);
            }
        }
        let failed = addresses.entry(address).or_insert(Failed {
            count: 0,
            last: now,
        });
        if now.saturating_sub(failed.last) > FORGET {
            failed.count = 0;
        }
        failed.last = now;
        failed.count = failed.count.saturating_add(1);
        match failed.count.checked_sub(FREE + 1) {
            None => Duration::ZERO,
            Some(doublings) => (FIRST_DELAY * (1 << doublings.min(10))).min(LONGEST_DELAY),
        }
    }

    /// Forgets the failures of an address after a success.
    pub(super) fn forget(&self, address: IpAddr) {
        let mut addresses = self
            .addresses
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        addresses.remove(&network(address));
    }

    /// Takes a place among the answers that wait; `None` if all are taken.
    pub(super) fn waiting_place(&self) -> Option<SemaphorePermit<'_>> {
        self.waiting.try_acquire().ok()
    }
}

/// The addresses that one caller may have: all of an IPv6 network of 64 bits count as one.
fn network(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V6(address) => {
            let [a, b, c, d, ..] = address.segments();
            IpAddr::V6(Ipv6Addr::new(a, b, c, d, 0, 0, 0, 0))
        }
        address @ IpAddr::V4(_) => address,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn answers_to_failures_become_slower_by_address() {
        let failures = Failures::new();
        let now = Duration::from_secs(1);
        let record = |address: &str, now| {
            let address = address.parse().expect("an address");
            failures.record(address, now).as_millis()
        };
        let delays: Vec<_> = (0..9).map(|_| record("10.0.0.1", now)).collect();
        assert_eq!(delays, [0, 0, 0, 250, 500, 1_000, 2_000, 4_000, 4_000]);
        assert_eq!(record("10.0.0.2", now), 0);
        // The addresses of one IPv6 network are one caller.
        for _ in 0..3 {
            record("2001:db8::1", now);
        }
        assert_eq!(record("2001:db8::ffff", now), 250);
        assert_eq!(record("2001:db8:0:1::1", now), 0);
        // A success, or a long time without a failure, clears the failures.
        failures.forget("2001:db8::7".parse().expect("an address"));
        assert_eq!(record("2001:db8::1", now), 0);
        assert_eq!(record("10.0.0.1", now + FORGET * 2), 0);
    }

    #[test]
    fn the_table_is_bounded() {
        let failures = Failures::new();
        for n in 0..3 * MAX_ADDRESSES {
            let address = Ipv6Addr::from((n as u128) << 64);
            failures.record(IpAddr::V6(address), Duration::from_secs(n as u64));
        }
        let addresses = failures.addresses.lock().expect("no panic");
        assert_eq!(addresses.len(), MAX_ADDRESSES);
    }
}
