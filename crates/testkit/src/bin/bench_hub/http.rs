//! One connection of HTTP/1.1 that is kept: a client that costs little beside what it measures.

use denizen_api::signature::{Covered, sign};
use denizen_model::{HubId, UnixTime, jose::Signer};
use std::time::{SystemTime, UNIX_EPOCH};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpStream,
};

/// An answer: its status, how long to wait before the next try, its body.
pub struct Answer {
    pub status: u16,
    pub retry_after_s: Option<u64>,
    pub body: Vec<u8>,
}

/// Who signs requests for which hub.
#[derive(Clone, Copy)]
pub struct Signing<'a> {
    pub signer: &'a dyn Signer,
    pub keyid: &'a str,
    pub hub: &'a HubId,
}

/// What is asked for.
#[derive(Clone, Copy)]
pub struct Ask<'a> {
    pub method: &'a str,
    pub path: &'a str,
    pub query: &'a str,
    pub media_type: &'a str,
    pub body: &'a [u8],
}

pub fn now() -> UnixTime {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap();
    UnixTime(i64::try_from(since.as_secs()).unwrap())
}

impl Ask<'_> {
    /// The request's bytes, signed now.
    pub fn signed(&self, by: Option<Signing<'_>>) -> Vec<u8> {
        let mark = if self.query.is_empty() { "" } else { "?" };
        let Self {
            method,
            path,
            query,
            media_type,
            body,
        } = *self;
        let mut head = format!(
            "{method} {path}{mark}{query} HTTP/1.1\r\nhost: hub\r\ncontent-type: {media_type}\r\n\
             content-length: {}\r\n",
            body.len()
        );
        if let Some(Signing { signer, keyid, hub }) = by {
            let covered = Covered {
                method,
                path,
                query,
                body,
            };
            let headers = sign(&covered, signer, keyid, hub, now());
            for (name, value) in [
                ("content-digest", headers.content_digest),
                ("signature-input", headers.signature_input),
                ("signature", headers.signature),
            ] {
                head.push_str(&format!("{name}: {value}\r\n"));
            }
        }
        head.push_str("\r\n");
        [head.as_bytes(), body].concat()
    }
}

/// A connection.
pub struct Connection {
    stream: TcpStream,
    read: Vec<u8>,
}

impl Connection {
    pub async fn open(port: u16) -> std::io::Result<Self> {
        let stream = TcpStream::connect(("127.0.0.1", port)).await?;
        stream.set_nodelay(true)?;
        let read = Vec::new();
        Ok(Self { stream, read })
    }

    /// Sends a request and reads its answer.
    pub async fn exchange(&mut self, request: &[u8]) -> std::io::Result<Answer> {
        self.stream.write_all(request).await?;
        let head = loop {
            let end = self.read.windows(4).position(|w| w == b"\r\n\r\n");
            if let Some(end) = end {
                let rest = self.read.split_off(end + 4);
                break String::from_utf8(std::mem::replace(&mut self.read, rest)).unwrap();
            }
            self.more().await?;
        };
        let field = |name: &str| {
            let line = head.lines().find_map(|line| line.strip_prefix(name));
            line.and_then(|value| value.trim().parse::<u64>().ok())
        };
        let length = usize::try_from(field("content-length:").unwrap_or(0)).unwrap();
        while self.read.len() < length {
            self.more().await?;
        }
        let rest = self.read.split_off(length);
        Ok(Answer {
            status: head[9..12].parse().unwrap(),
            retry_after_s: field("retry-after:"),
            body: std::mem::replace(&mut self.read, rest),
        })
    }

    async fn more(&mut self) -> std::io::Result<()> {
        let mut part = [0; 16 << 10];
        match self.stream.read(&mut part).await? {
            0 => Err(std::io::ErrorKind::UnexpectedEof.into()),
            n => {
                self.read.extend_from_slice(&part[..n]);
                Ok(())
            }
        }
    }
}
