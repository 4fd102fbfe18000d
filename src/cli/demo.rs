//! `swarmline demo`, hidden: the test origin of demo, tests and benchmark. The work is `origin`'s.

use crate::origin::{Config, Origin, serve};
use crate::server::{self, stop_signal};
use crate::tracker;
use core::net::SocketAddr;
use std::io;
use std::path::PathBuf;
use std::process::ExitCode;
use tokio::net::TcpListener;

/// Serve folders, live loops, faults and a tracker on one port, for demo, tests and benchmark.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// Address and port to listen on; port 0 takes a free one.
    #[arg(long, value_name = "ADDR", default_value = "127.0.0.1:0")]
    listen: SocketAddr,
    /// Files of a folder under a path; repeatable.
    #[arg(long, value_name = "/PATH=FOLDER", value_parser = mount)]
    dir: Vec<(String, PathBuf)>,
    /// A finished playlist (media or master) looped into a live stream under a path; repeatable.
    #[arg(long, value_name = "/PATH=FILE.m3u8", value_parser = mount)]
    live: Vec<(String, PathBuf)>,
    /// Segments in a live playlist.
    #[arg(long, value_name = "N", default_value_t = 6)]
    live_window: usize,
    /// Put digests into playlists; /unsigned/... has all without.
    #[arg(long)]
    sign: bool,
    /// Cap of each response, bytes a second.
    #[arg(long, value_name = "BYTES_PER_S")]
    rate: Option<u64>,
    /// Leave the tracker out.
    #[arg(long)]
    no_tracker: bool,
}

fn mount(text: &str) -> Result<(String, PathBuf), String> {
    let parts = text
        .split_once('=')
        .filter(|(path, _)| path.starts_with('/'));
    let (path, file) = parts.ok_or("expected /PATH=FOLDER, for example /media=demo/media")?;
    Ok((path.to_owned(), PathBuf::from(file)))
}

impl Args {
    pub(super) fn run(self) -> ExitCode {
        let runtime = tokio::runtime::Runtime::new();
        match runtime.and_then(|runtime| runtime.block_on(self.listen())) {
            Ok(()) => ExitCode::SUCCESS,
            Err(why) => {
                eprintln!("swarmline demo: {why}");
                ExitCode::FAILURE
            }
        }
    }

    async fn listen(self) -> io::Result<()> {
        let config = tracker::Config::default();
        // All viewers of a demo are one address.
        let limits = server::Limits {
            address: None,
            ..server::Limits::default()
        };
        let tracker = (!self.no_tracker).then(|| server::State::new(config, limits));
        let origin = Origin::new(Config {
            dirs: self.dir,
            live: self.live,
            live_window: self.live_window,
            sign: self.sign,
            rate_bytes_per_s: self.rate,
            tracker,
        });
        let origin = origin.map_err(io::Error::other)?;
        let listener = TcpListener::bind(self.listen).await.map_err(|why| {
            let what = if why.kind() == io::ErrorKind::AddrInUse {
                "is taken; choose another port".to_owned()
            } else {
                format!("cannot be listened on ({why}); choose another")
            };
            io::Error::other(format!("{} {what} with --listen", self.listen))
        })?;
        let stop = stop_signal();
        println!("listening on http://{}", listener.local_addr()?);
        serve(listener, origin, stop).await
    }
}
