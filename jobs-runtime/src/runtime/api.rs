//! The HTTP interface of a runtime, while it is served.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;

use tokio::net::TcpListener;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use super::StartError;
use crate::edge::Edge;
use crate::health::Health;

/// The task that serves it.
pub(super) struct Api {
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
        listener: TcpListener,
        edge: &Edge,
        health: &Arc<Health>,
    ) -> io::Result<Self> {
        let address = listener.local_addr()?;
        let stop = CancellationToken::new();
        let router = crate::http::router(edge.clone(), Arc::clone(health));
        let task = tokio::spawn(crate::http::serve(listener, router, stop.clone()));
        Ok(Self {
            address,
            stop,
            task,
        })
    }

    pub(super) fn address(&self) -> SocketAddr {
        self.address
    }

    pub(super) fn stop(&self) {
        self.stop.cancel();
    }

    pub(super) async fn failed(&mut self) -> io::Result<()> {
        match (&mut self.task).await {
            Ok(served) => served,
            Err(error) => Err(io::Error::other(error)),
        }
    }
}
