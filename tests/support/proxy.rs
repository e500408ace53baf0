//! A wire between a program and its database, in the test's hand.

use std::io::{Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::Duration;

/// What becomes of bytes on their way.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Wire {
    /// They arrive.
    Whole,
    /// They arrive so much later.
    Slow(Duration),
    /// They wait; nobody is told. New connections are made, and wait too.
    Stalled,
    /// They vanish; nobody is told. A connection that lost some is of no use any more.
    Leaking,
    /// There is none: connections are closed, and new ones at once.
    Cut,
}

/// Passes TCP connections on to a port of this machine.
#[derive(Debug)]
pub struct Proxy {
    port: u16,
    shared: Arc<Shared>,
}

#[derive(Debug)]
struct Shared {
    state: Mutex<State>,
    changed: Condvar,
    ended: AtomicBool,
}

#[derive(Debug)]
struct State {
    wire: Wire,
    connections: Vec<[TcpStream; 2]>,
}

impl Proxy {
    /// Listens on a free port.
    pub fn start(target: u16) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port is free");
        let port = listener.local_addr().expect("it has an address").port();
        let shared = Arc::new(Shared {
            state: Mutex::new(State {
                wire: Wire::Whole,
                connections: Vec::new(),
            }),
            changed: Condvar::new(),
            ended: AtomicBool::new(false),
        });
        let accepting = Arc::clone(&shared);
        thread::spawn(move || {
            for client in listener.incoming().map_while(Result::ok) {
                if accepting.ended.load(Ordering::SeqCst) {
                    break;
                }
                accepting.connect(client, target);
            }
        });
        Self { port, shared }
    }

    /// Where to connect to instead.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// Changes what becomes of bytes from now on.
    pub fn set(&self, wire: Wire) {
        let mut state = self.shared.lock();
        let was = std::mem::replace(&mut state.wire, wire);
        if wire == Wire::Cut || (was == Wire::Leaking && wire != was) {
            state.cut();
        }
        self.shared.changed.notify_all();
    }

    /// Closes every connection; new ones are made.
    pub fn cut_once(&self) {
        self.shared.lock().cut();
    }

    /// Connections that are open now.
    pub fn connections(&self) -> usize {
        let mut state = self.shared.lock();
        state.connections.retain(|[client, _]| is_open(client));
        state.connections.len()
    }
}

/// Whether the other end has not closed it.
fn is_open(stream: &TcpStream) -> bool {
    stream.peer_addr().is_ok()
}

impl Drop for Proxy {
    fn drop(&mut self) {
        self.shared.ended.store(true, Ordering::SeqCst);
        self.set(Wire::Cut);
        // Wakes the one who accepts.
        let _ = TcpStream::connect(("127.0.0.1", self.port));
    }
}

impl State {
    fn cut(&mut self) {
        for stream in self.connections.drain(..).flatten() {
            let _ = stream.shutdown(Shutdown::Both);
        }
    }
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn connect(self: &Arc<Self>, client: TcpStream, target: u16) {
        if self.lock().wire == Wire::Cut {
            return;
        }
        // A server that is away refuses; so do we, by closing.
        let Ok(server) = TcpStream::connect(("127.0.0.1", target)) else {
            return;
        };
        let _ = (client.set_nodelay(true), server.set_nodelay(true));
        let ends = |one: &TcpStream, other: &TcpStream| {
            Some((one.try_clone().ok()?, other.try_clone().ok()?))
        };
        let (Some(up), Some(down), Some(kept)) = (
            ends(&client, &server),
            ends(&server, &client),
            ends(&client, &server),
        ) else {
            return;
        };
        self.lock().connections.push([kept.0, kept.1]);
        for (from, to) in [up, down] {
            let shared = Arc::clone(self);
            thread::spawn(move || shared.pump(from, to));
        }
    }

    fn pump(&self, mut from: TcpStream, mut to: TcpStream) {
        let mut bytes = [0; 16 * 1024];
        while let Ok(count @ 1..) = from.read(&mut bytes) {
            match self.wait_while_stalled() {
                Wire::Whole | Wire::Stalled => {}
                Wire::Slow(delay) => thread::sleep(delay),
                Wire::Leaking => continue,
                Wire::Cut => break,
            }
            if to.write_all(&bytes[..count]).is_err() {
                break;
            }
        }
        let _ = from.shutdown(Shutdown::Both);
        let _ = to.shutdown(Shutdown::Both);
    }

    fn wait_while_stalled(&self) -> Wire {
        let stalled = |state: &mut State| state.wire == Wire::Stalled;
        let state = self.changed.wait_while(self.lock(), stalled);
        state.unwrap_or_else(PoisonError::into_inner).wire
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Answers every byte with itself.
    fn echo() -> u16 {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        thread::spawn(move || {
            for mut stream in listener.incoming().map_while(Result::ok) {
                thread::spawn(move || {
                    let mut byte = [0];
                    while stream.read_exact(&mut byte).is_ok() && stream.write_all(&byte).is_ok() {}
                });
            }
        });
        port
    }

    fn answers(stream: &mut TcpStream) -> bool {
        stream
            .set_read_timeout(Some(Duration::from_millis(200)))
            .unwrap();
        stream.write_all(b"x").is_ok() && stream.read_exact(&mut [0]).is_ok()
    }

    #[test]
    fn the_wire_is_what_it_is_set_to() {
        let proxy = Proxy::start(echo());
        let connect = || TcpStream::connect(("127.0.0.1", proxy.port())).unwrap();
        let mut stream = connect();
        stream
            .set_read_timeout(Some(Duration::from_secs(10)))
            .unwrap();
        stream.write_all(b"x").unwrap();
        stream.read_exact(&mut [0]).unwrap();
        proxy.set(Wire::Stalled);
        assert!(!answers(&mut stream), "it waits");
        proxy.set(Wire::Whole);
        stream
            .set_read_timeout(Some(Duration::from_secs(10)))
            .unwrap();
        stream.read_exact(&mut [0]).expect("it arrives after all");
        proxy.set(Wire::Leaking);
        assert!(!answers(&mut stream), "it vanishes");
        proxy.set(Wire::Whole);
        stream
            .set_read_timeout(Some(Duration::from_secs(10)))
            .unwrap();
        assert!(!matches!(stream.read(&mut [0]), Ok(1..)), "it was cut");
        proxy.set(Wire::Cut);
        assert!(!answers(&mut connect()), "it is closed at once");
    }
}
