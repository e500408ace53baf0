//! The scenario `http`: triggers over HTTP keep-alive connections.

use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use jobs::Job;
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufStream};
use tokio::net::TcpStream;

use crate::JobService;
use crate::bench::config::BenchConfig;
use crate::bench::error::BenchError;
use crate::bench::histogram::Histogram;
use crate::bench::load::subject;
use crate::bench::meter::ReadyMeter;
use crate::bench::noop_jobs::Plain;
use crate::bench::report::Trial;
use crate::bench::scratch_store::ScratchStore;
use crate::clock::real_now;
use crate::service::NewToken;
use crate::store::Role;

/// Triggers executions. Each caller has one connection and waits for each response. A measured
/// trial sends an access token; the baseline is a server without tokens.
pub(super) async fn triggers(
    scratch: &ScratchStore,
    config: &BenchConfig,
    measured: bool,
) -> Result<Trial, BenchError> {
    let executions = config.executions();
    let meter = ReadyMeter::new(scratch.monitor().await?).await?;
    let store = scratch.open().await?;
    let server = config
        .runtime_on(&store)?
        .workers(false)
        .bind(SocketAddr::from((Ipv4Addr::LOCALHOST, 0)))
        .start()
        .await?;
    let Some(address) = server.address() else {
        return Err(BenchError::Unsupported("the HTTP interface has no address"));
    };
    let token = if measured {
        Some(operator_token(server.service()).await?)
    } else {
        None
    };
    let mut connections = Vec::new();
    for _ in 0..config.callers() {
        connections.push(Connection::open(address, token.as_deref()).await?);
    }
    let latency = Arc::new(Histogram::default());
    let taken = Arc::new(AtomicU64::new(0));
    let meter = meter.start();
    let callers = connections.into_iter().map(|mut connection| {
        let (latency, taken) = (Arc::clone(&latency), Arc::clone(&taken));
        tokio::spawn(async move {
            while taken.fetch_add(1, Ordering::Relaxed) < executions {
                let started_at = real_now();
                connection.trigger().await?;
                latency.record(started_at.elapsed());
            }
            Ok::<_, BenchError>(())
        })
    });
    for caller in futures_util::future::join_all(callers).await {
        caller.map_err(std::io::Error::other)??;
    }
    let meter = meter.stop();
    server.shutdown().await;
    drop((server, store));
    let usage = meter.read().await?;
    let trial = Trial::new(executions, usage);
    trial.latency.add(&latency);
    Ok(trial)
}

/// Creates a token that may trigger jobs. Returns its text.
async fn operator_token(service: &JobService) -> Result<String, BenchError> {
    let new = NewToken {
        role: Role::Operator,
        name: Some("bench".to_owned()),
        lasts: None,
    };
    let created = service.create_token(new).await;
    match created {
        Ok(created) => Ok(created.token),
        Err(error) => Err(BenchError::Rejected(
            crate::error::chain(&error).to_string(),
        )),
    }
}

/// A minimal HTTP/1.1 client. The measurement includes its CPU time, so it does as little as
/// possible.
struct Connection {
    stream: BufStream<TcpStream>,
    request: String,
}

impl Connection {
    async fn open(address: SocketAddr, token: Option<&str>) -> Result<Self, BenchError> {
        let stream = TcpStream::connect(address).await?;
        stream.set_nodelay(true)?;
        let body = format!(
            "{{\"payload\":{{\"number\":1,\"subject\":\"{}\"}}}}",
            subject(1)
        );
        let authorization = token.map_or_else(String::new, |token| {
            format!("authorization: Bearer {token}\r\n")
        });
        let request = format!(
            "POST /api/v1/workers/jobs/{}/trigger HTTP/1.1\r\nhost: {address}\r\n{authorization}\
             content-type: application/json\r\ncontent-length: {}\r\n\r\n{body}",
            Plain::ID,
            body.len(),
        );
        Ok(Self {
            stream: BufStream::new(stream),
            request,
        })
    }

    /// Sends one request and reads the whole response.
    async fn trigger(&mut self) -> Result<(), BenchError> {
        self.stream.write_all(self.request.as_bytes()).await?;
        self.stream.flush().await?;
        let (mut line, mut status, mut length) = (String::new(), String::new(), 0);
        loop {
            line.clear();
            if self.stream.read_line(&mut line).await? == 0 {
                return Err(std::io::Error::from(std::io::ErrorKind::UnexpectedEof).into());
            }
            let field = line.trim_end();
            if field.is_empty() {
                break;
            }
            if status.is_empty() {
                field.clone_into(&mut status);
            } else if let Some((name, value)) = field.split_once(':')
                && name.eq_ignore_ascii_case("content-length")
            {
                length = value.trim().parse().unwrap_or(0);
            }
        }
        let mut body = vec![0; length];
        self.stream.read_exact(&mut body).await?;
        match status.split(' ').nth(1) {
            Some(code) if code.starts_with('2') => Ok(()),
            _ => Err(BenchError::Rejected(format!(
                "{status}: {}",
                String::from_utf8_lossy(&body)
            ))),
        }
    }
}
