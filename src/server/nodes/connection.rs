//! One connection to Redis, plain or by TLS (`seal`): opened, let in, asked.
//!
//! Invariant: nothing here waits longer than [`PATIENCE`], but for [`Connection::hear`], whose caller sets the time. Which
//! commands there are is `bus`'s.

use super::resp::{self, Reply};
use super::seal::{Seal, in_words};
use core::time::Duration;
use tokio::io::{AsyncRead, AsyncWrite, AsyncWriteExt, BufReader};
use tokio::net::TcpStream;
use tokio::time::timeout;

/// How long Redis may take for anything. 2 s: it answers within milliseconds, or something is wrong.
const PATIENCE: Duration = Duration::from_secs(2);

/// Where Redis is, and who we are there.
#[derive(Clone)]
pub(in crate::server) struct Server {
    /// Host and port.
    pub(in crate::server) address: String,
    pub(in crate::server) database: u32,
    pub(in crate::server) user: Option<String>,
    pub(in crate::server) password: Option<String>,
    /// How it is spoken to; `None` for plainly.
    pub(in crate::server) seal: Option<Seal>,
}

impl core::fmt::Debug for Server {
    fn fmt(&self, out: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        write!(out, "Server({}/{})", self.address, self.database) // never the password
    }
}

/// A socket, or TLS on one.
trait Stream: AsyncRead + AsyncWrite + Send + Unpin + core::fmt::Debug {}
impl<T: AsyncRead + AsyncWrite + Send + Unpin + core::fmt::Debug> Stream for T {}

#[derive(Debug)]
pub(super) struct Connection(BufReader<Box<dyn Stream>>);

impl Connection {
    /// # Errors
    /// Why not, in words for a person.
    pub(super) async fn open(server: &Server) -> Result<Self, String> {
        let socket = timeout(PATIENCE, TcpStream::connect(&server.address)).await;
        let socket = socket.map_err(|_| "no connection in time")?;
        let socket = socket.map_err(|why| why.to_string())?;
        socket.set_nodelay(true).map_err(|why| why.to_string())?;
        let stream: Box<dyn Stream> = match &server.seal {
            None => Box::new(socket),
            Some(seal) => {
                let sealed = timeout(PATIENCE, seal.connect(socket)).await;
                let late =
                    "it says nothing to the greeting of TLS; is it a plain Redis (redis://)?";
                Box::new(sealed.map_err(|_| late)??)
            }
        };
        let mut connection = Self(BufReader::new(stream));
        if let Some(password) = &server.password {
            let user = server.user.as_deref().unwrap_or("default");
            let words: &[&[u8]] = &[b"AUTH", user.as_bytes(), password.as_bytes()];
            connection.ask(words).await?;
        }
        if server.database != 0 {
            let database = server.database.to_string();
            connection.ask(&[b"SELECT", database.as_bytes()]).await?;
        }
        Ok(connection)
    }

    /// Sends a command and takes its answer.
    pub(super) async fn ask(&mut self, words: &[&[u8]]) -> Result<Reply, String> {
        let mut out = Vec::new();
        resp::write(&mut out, words);
        self.ask_all(&out, 1).await
    }

    /// Sends commands that are written already and takes as many answers; returns the last.
    pub(super) async fn ask_all(&mut self, out: &[u8], count: usize) -> Result<Reply, String> {
        let exchange = async {
            let written = self.0.write_all(out).await;
            written.map_err(|why| in_words(&why))?;
            self.0.flush().await.map_err(|why| in_words(&why))?;
            let mut last = Reply::Nil;
            for _ in 0..count {
                last = self.hear().await?.accepted()?;
            }
            Ok(last)
        };
        let exchanged = timeout(PATIENCE, exchange).await;
        exchanged.unwrap_or_else(|_| Err("no answer in time".into()))
    }

    /// The next thing it says.
    pub(super) async fn hear(&mut self) -> Result<Reply, String> {
        let read = resp::read(&mut self.0).await;
        read.map_err(|why| in_words(&why))
    }
}
