//! One connection to Redis: opened, let in, asked.
//!
//! Invariant: nothing here waits longer than [`PATIENCE`], but for [`Connection::hear`], whose caller sets the time. Which
//! commands there are is `bus`'s.

use super::resp::{self, Reply};
use core::time::Duration;
use tokio::io::{AsyncWriteExt, BufReader};
use tokio::net::TcpStream;
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
use tokio::time::timeout;

/// How long Redis may take for anything. 2 s: it answers within milliseconds, or something is wrong.
const PATIENCE: Duration = Duration::from_secs(2);

/// Where Redis is, and who we are there.
#[derive(Clone, PartialEq, Eq)]
pub(in crate::server) struct Server {
    /// Host and port.
    pub(in crate::server) address: String,
    pub(in crate::server) database: u32,
    pub(in crate::server) user: Option<String>,
    pub(in crate::server) password: Option<String>,
}

impl core::fmt::Debug for Server {
    fn fmt(&self, out: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        write!(out, "Server({}/{})", self.address, self.database) // never the password
    }
}

#[derive(Debug)]
pub(super) struct Connection {
    from: BufReader<OwnedReadHalf>,
    to: OwnedWriteHalf,
}

impl Connection {
    /// # Errors
    /// Why not, in words for a person.
    pub(super) async fn open(server: &Server) -> Result<Self, String> {
        let socket = timeout(PATIENCE, TcpStream::connect(&server.address)).await;
        let socket = socket.map_err(|_| "no connection in time")?;
        let socket = socket.map_err(|why| why.to_string())?;
        socket.set_nodelay(true).map_err(|why| why.to_string())?;
        let (from, to) = socket.into_split();
        let from = BufReader::new(from);
        let mut connection = Self { from, to };
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
            self.to
                .write_all(out)
                .await
                .map_err(|why| why.to_string())?;
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
        resp::read(&mut self.from)
            .await
            .map_err(|why| why.to_string())
    }
}
