//! As much of an HTTP/1.1 server as a node needs to meet.

use std::collections::HashMap;
use std::io;

use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::TcpStream;

pub struct Request {
    pub method: String,
    /// Path and query as sent.
    pub target: String,
    pub headers: HashMap<String, String>,
}

impl Request {
    pub fn path(&self) -> &str {
        self.target.split('?').next().unwrap_or_default()
    }

    pub fn query(&self, name: &str) -> Option<&str> {
        let (_, query) = self.target.split_once('?')?;
        query.split('&').find_map(|pair| pair.strip_prefix(name)?.strip_prefix('='))
    }

    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).map(String::as_str)
    }
}

pub type Connection = BufReader<TcpStream>;

/// The next request's head; None when the client has hung up.
pub async fn read_head(connection: &mut Connection) -> io::Result<Option<Request>> {
    let mut line = String::new();
    if connection.read_line(&mut line).await? == 0 {
        return Ok(None);
    }
    let mut words = line.split_ascii_whitespace().map(str::to_owned);
    let (method, target) = (words.next().unwrap_or_default(), words.next().unwrap_or_default());
    let mut headers = HashMap::new();
    loop {
        let mut line = String::new();
        connection.read_line(&mut line).await?;
        match line.trim_end().split_once(": ") {
            Some((name, value)) => headers.insert(name.to_ascii_lowercase(), value.to_owned()),
            None => return Ok(Some(Request { method, target, headers })),
        };
    }
}

/// The body piece by piece, of a known length or chunked.
pub async fn read_body(
    connection: &mut Connection,
    request: &Request,
    mut take: impl FnMut(&[u8]),
) -> io::Result<()> {
    if let Some(length) = request.header("content-length") {
        let mut left: usize = length.parse().map_err(io::Error::other)?;
        let mut piece = vec![0; 64 << 10];
        while left > 0 {
            let wanted = left.min(piece.len());
            let count = connection.read(&mut piece[..wanted]).await?;
            if count == 0 {
                return Err(io::ErrorKind::UnexpectedEof.into());
            }
            take(&piece[..count]);
            left -= count;
        }
        return Ok(());
    }
    if request.header("transfer-encoding") != Some("chunked") {
        return Ok(());
    }
    loop {
        let mut line = String::new();
        if connection.read_line(&mut line).await? == 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        let length = usize::from_str_radix(line.trim(), 16).map_err(io::Error::other)?;
        let mut chunk = vec![0; length + 2];
        connection.read_exact(&mut chunk).await?;
        if length == 0 {
            return Ok(());
        }
        take(&chunk[..length]);
    }
}

pub async fn answer(
    connection: &mut Connection,
    status: u16,
    headers: &[(&str, String)],
    body: &[u8],
) -> io::Result<()> {
    let mut head = format!("HTTP/1.1 {status} X\r\ncontent-length: {}\r\n", body.len());
    for (name, value) in headers {
        head.push_str(&format!("{name}: {value}\r\n"));
    }
    head.push_str("\r\n");
    connection.write_all(head.as_bytes()).await?;
    connection.write_all(body).await?;
    connection.flush().await
}
