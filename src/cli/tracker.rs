//! `swarmline tracker`: flags, logs and exit codes around [`crate::server`].

use crate::server::{Limits, State, serve, stop_signal};
use crate::tracker::Config;
use core::net::SocketAddr;
use std::io::{self, IsTerminal};
use std::process::ExitCode;
use tokio::net::TcpListener;
use tracing_subscriber::EnvFilter;

/// Brings the viewers of a stream together (WebTorrent tracker).
///
/// Keeps all in memory. Ctrl-c or SIGTERM close all sockets with code 1001; clients come back.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  swarmline tracker                              this machine only, ws://127.0.0.1:8000
  swarmline tracker --listen 0.0.0.0:8000        everybody
  swarmline tracker --no-address-limits          behind nginx or Caddy, which do TLS (wss://)
  curl http://127.0.0.1:8000/health              how many connections, swarms and peers

In the page: createSwarm({ trackerUrls: [\"ws://127.0.0.1:8000\"] }); on https it must be wss://.

Exit code: 0 after a clean stop, 1 when the address cannot be used, 2 for wrong arguments.")]
pub(super) struct Args {
    /// Address and port to listen on; port 0 takes a free one.
    #[arg(long, value_name = "ADDR", default_value = "127.0.0.1:8000")]
    listen: SocketAddr,
    /// Open connections at most.
    #[arg(long, value_name = "N", default_value_t = Config::default().connections_max)]
    connections: usize,
    /// No limits per visitor's address; for a tracker behind a proxy, whose address all visitors share.
    #[arg(long)]
    no_address_limits: bool,
    /// What is logged to stderr: error, warn, info, debug or trace. Addresses never are.
    #[arg(long, value_name = "LEVEL", default_value = "info")]
    log: tracing::Level,
    /// Print the address as one line of JSON when ready, for scripts.
    #[arg(long)]
    json: bool,
}

impl Args {
    pub(super) fn run(self) -> ExitCode {
        let filter = EnvFilter::new(format!("swarmline={}", self.log));
        let logs = tracing_subscriber::fmt().with_writer(io::stderr);
        let logs = logs
            .with_ansi(io::stderr().is_terminal())
            .with_target(false);
        logs.with_env_filter(filter).init();
        let runtime = tokio::runtime::Runtime::new();
        match runtime.and_then(|runtime| runtime.block_on(self.listen())) {
            Ok(()) => ExitCode::SUCCESS,
            Err(why) => {
                eprintln!("swarmline tracker: {why}");
                ExitCode::FAILURE
            }
        }
    }

    async fn listen(self) -> io::Result<()> {
        let listen = self.listen;
        let bound = TcpListener::bind(listen).await;
        let listener = bound.map_err(|why| match why.kind() == io::ErrorKind::AddrInUse {
            true => format!("{listen} is taken; choose another port with --listen"),
            false => format!("cannot listen on {listen}: {why}"),
        });
        let listener = listener.map_err(io::Error::other)?;
        let url = format!("ws://{}/", listener.local_addr()?);
        match self.json {
            true => println!("{}", serde_json::json!({ "url": url })),
            false => println!("tracker: {url}  (ctrl-c stops it)"),
        }
        let config = Config::default().with_connections(self.connections);
        let mut limits = Limits::default();
        limits.address = limits.address.filter(|_| !self.no_address_limits);
        serve(listener, State::new(config, limits), stop_signal()).await
    }
}
