//! The HTTP interface of a runtime, while it is served.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;

use tokio::net::TcpListener;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use super::StartError;
use crate::edge::Edge;
use crate::engine::Engine;
use crate::health::Health;

/// The interface, and the task that serves it if an address was given.
pub(super) struct Api {
    health: Arc<Health>,
    served: Option<Served>,
}

struct Served {
    address: SocketAddr,
    stop: CancellationToken,
    task: JoinHandle<io::Result<()>>,
}

/// Takes the address, before anything else is started.
pub(super) async fn listen(address: SocketAddr) -> Result<TcpListener, StartError> {
    let refuse = |reason: String| StartError::Bind { address, reason };
    crate::http::check_bind(address).map_err(|error| refuse(error.to_string()))?;
    TcpListener::bind(address).await.map_err(|error| {
        refuse(match error.kind() {
            io::ErrorKind::AddrInUse => {
                "the address is in use; is another runtime running? `--bind` takes another".into()
            }
            _ => error.to_string(),
        })
    })
}

impl Api {
    pub(super) fn start(
        edge: &Edge,
        engine: Option<&Engine>,
        listener: Option<TcpListener>,
    ) -> Self {
        let health = Arc::new(Health::new(edge.clone(), engine.map(|e| Arc::clone(e.status()))));
        let served = listener.and_then(|listener| {
            let address = listener.local_addr().ok()?;
            let stop = CancellationToken::new();
            let router = crate::http::router(edge.clone(), Arc::clone(&health));
            let task = tokio::spawn(crate::http::serve(listener, router, stop.clone()));
            Some(Served {
                address,
                stop,
                task,
            })
        });
        Self { health, served }
    }

    pub(super) fn address(&self) -> Option<SocketAddr> {
        self.served.as_ref().map(|served| served.address)
    }

    pub(super) fn router(&self, edge: &Edge) -> axum::Router {
        crate::http::router(edge.clone(), Arc::clone(&self.health))
    }

    pub(super) fn stop(&self) {
        if let Some(served) = &self.served {
            served.stop.cancel();
        }
    }

    pub(super) async fn failed(&mut self) -> io::Result<()> {
        match &mut self.served {
            Some(served) => (&mut served.task).await.unwrap_or_else(|error| {
                Err(io::Error::other(error))
            }),
            None => std::future::pending().await,
        }
    }
}
