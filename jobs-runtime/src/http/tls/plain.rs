//! The answer to plain HTTP on a port that speaks HTTPS.

use std::io;

use axum::response::IntoResponse as _;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

use crate::http::response::problem::{Code, Problem};

/// The bytes of the request that are read and dropped. Closing a connection with unread bytes would
/// reset it, and the peer might not see the answer.
const DROPPED: u64 = 64 * 1024;

/// Tells the peer to use HTTPS, and ends the connection.
pub(super) async fn refuse(mut stream: TcpStream) -> io::Result<()> {
    let problem = Problem::new(
        Code::HttpsRequired,
        "this port speaks HTTPS: use an address that begins with https://",
    );
    let body = problem.into_response().into_body();
    let body = axum::body::to_bytes(body, usize::MAX).await;
    let body = body.map_err(io::Error::other)?;
    let head = format!(
        "HTTP/1.1 400 Bad Request\r\ncontent-type: application/problem+json\r\n\
         content-length: {}\r\nconnection: close\r\n\r\n",
        body.len()
    );
    stream.write_all(head.as_bytes()).await?;
    stream.write_all(&body).await?;
    stream.shutdown().await?;
    tokio::io::copy(&mut stream.take(DROPPED), &mut tokio::io::sink()).await?;
    Ok(())
}
