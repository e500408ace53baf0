//! A TCP proxy between a program and its database, whose link a test can delay, stall or cut.

use std::io::{Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::Duration;

/// The state of the link.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Link {
    /// Bytes arrive.
    Intact,
    /// Bytes arrive after a delay.
    Slow(Duration),
    /// Bytes wait until the link changes. New connections are accepted, and wait too.
    Stalled,
    /// Bytes vanish without an error, so that connections are half-open. They are closed when the
    /// link changes, because they have lost bytes.
    BlackHole,
    /// Connections are closed, and new ones are closed at once.
    Cut,
}

/// Forwards TCP connections to a port of this machine.
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
    link: Link,
    connections: Vec<[TcpStream; 2]>,
    accepted: usize,
}

impl Proxy {
    /// Starts a proxy on a free port.
    pub fn start(target: u16) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port is free");
        let port = listener.local_addr().expect("it has an address").port();
        let shared = Arc::new(Shared {
            state: Mutex::new(State {
                link: Link::Intact,
                connections: Vec::new(),
                accepted: 0,
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

    /// The port of the proxy.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// Changes the state of the link.
    pub fn set(&self, link: Link) {
        let mut state = self.shared.lock();
        let before = std::mem::replace(&mut state.link, link);
        if link == Link::Cut || (before == Link::BlackHole && link != before) {
            state.close_all();
        }
        self.shared.changed.notify_all();
    }

    /// Closes every connection; new ones are accepted.
    pub fn cut_once(&self) {
        self.shared.lock().close_all();
    }

    /// Counts the connections so far.
    pub fn accepted(&self) -> usize {
        self.shared.lock().accepted
    }

    /// Counts the open connections.
    pub fn connections(&self) -> usize {
        let mut state = self.shared.lock();
        state.connections.retain(|[client, _]| is_open(client));
        state.connections.len()
    }
}

/// True unless the other end has closed the connection.
fn is_open(stream: &TcpStream) -> bool {
    stream.peer_addr().is_ok()
}

impl Drop for Proxy {
    fn drop(&mut self) {
        self.shared.ended.store(true, Ordering::SeqCst);
        self.set(Link::Cut);
        // Wakes the accepting thread.
        let _ = TcpStream::connect(("127.0.0.1", self.port));
    }
}

impl State {
    fn close_all(&mut self) {
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
        if self.lock().link == Link::Cut {
            return;
        }
        // Without a server the client's connection is closed.
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
        {
            let mut state = self.lock();
            state.connections.push([kept.0, kept.1]);
            state.accepted += 1;
        }
        for (from, to) in [up, down] {
            let shared = Arc::clone(self);
            thread::spawn(move || shared.forward(from, to));
        }
    }

    fn forward(&self, mut from: TcpStream, mut to: TcpStream) {
        let mut bytes = [0; 16 * 1024];
        while let Ok(count @ 1..) = from.read(&mut bytes) {
            match self.wait_while_stalled() {
                Link::Intact | Link::Stalled => {}
                Link::Slow(delay) => thread::sleep(delay),
                Link::BlackHole => continue,
                Link::Cut => break,
            }
            if to.write_all(&bytes[..count]).is_err() {
                break;
            }
        }
        let _ = from.shutdown(Shutdown::Both);
        let _ = to.shutdown(Shutdown::Both);
    }

    fn wait_while_stalled(&self) -> Link {
        let stalled = |state: &mut State| state.link == Link::Stalled;
        let state = self.changed.wait_while(self.lock(), stalled);
        state.unwrap_or_else(PoisonError::into_inner).link
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Starts a server that echoes every byte, and returns its port.
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
    fn each_state_of_the_link_has_its_effect() {
        let proxy = Proxy::start(echo());
        let connect = || TcpStream::connect(("127.0.0.1", proxy.port())).unwrap();
        let mut stream = connect();
        stream
            .set_read_timeout(Some(Duration::from_secs(10)))
            .unwrap();
        stream.write_all(b"x").unwrap();
        stream.read_exact(&mut [0]).unwrap();
        proxy.set(Link::Stalled);
        assert!(!answers(&mut stream), "a stalled byte arrived");
        proxy.set(Link::Intact);
        stream
            .set_read_timeout(Some(Duration::from_secs(10)))
            .unwrap();
        let read = stream.read_exact(&mut [0]);
        read.expect("a stalled byte arrives after the stall");
        proxy.set(Link::BlackHole);
        assert!(!answers(&mut stream), "a lost byte arrived");
        proxy.set(Link::Intact);
        stream
            .set_read_timeout(Some(Duration::from_secs(10)))
            .unwrap();
        let read = stream.read(&mut [0]);
        assert!(
            !matches!(read, Ok(1..)),
            "a half-open connection stayed open"
        );
        proxy.set(Link::Cut);
        assert!(!answers(&mut connect()), "a cut link carried a byte");
    }
}
