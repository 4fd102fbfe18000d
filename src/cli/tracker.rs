//! `swarmline tracker`: flags, logs and exit codes around [`crate::server`].

use super::say;
use crate::server::{Layers, Level, LogFormat, Settings, run, stop_signal};
use core::net::SocketAddr;
use std::io::{self, IsTerminal};
use std::path::PathBuf;
use std::process::ExitCode;
use tracing_subscriber::EnvFilter;

/// Brings the viewers of a stream together (WebTorrent tracker).
///
/// Settings come from a file, then SWARMLINE_TRACKER_... in the environment, then flags. Presence is kept in memory,
/// the rest in the SQLite file of store.path, if one is named.
/// SIGHUP reads access lists, policy and TLS files again; ctrl-c or SIGTERM close all sockets, clients come back.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  swarmline tracker                                    this machine only, ws://127.0.0.1:8000
  swarmline tracker --listen 0.0.0.0:8000              everybody
  swarmline tracker --print-config > tracker.toml      every setting, explained
  swarmline tracker --config tracker.toml --check-config
  SWARMLINE_TRACKER_LIMITS__CONNECTIONS=9 swarmline tracker --print-config
  curl http://127.0.0.1:8000/health                    how many connections, swarms and peers

In the page: createSwarm({ trackerUrls: [\"ws://127.0.0.1:8000\"] }); on https it must be wss://.

Exit code: 0 after a clean stop, 1 when settings, files or the port cannot be used, 2 for wrong arguments.")]
pub(super) struct Args {
    /// Settings in TOML.
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
    /// One setting, by the name it has in the file; repeatable.
    #[arg(long, value_name = "NAME=VALUE", value_parser = pair)]
    set: Vec<(String, String)>,
    /// Address and port to listen on; port 0 takes a free one.
    #[arg(long, value_name = "ADDR")]
    listen: Option<SocketAddr>,
    /// Open connections at most.
    #[arg(long, value_name = "N")]
    connections: Option<usize>,
    /// No limits per visitor's address, for a proxy that is not in trusted_proxies.
    #[arg(long)]
    no_address_limits: bool,
    /// What is logged to stderr: error, warn, info, debug or trace.
    #[arg(long, value_name = "LEVEL")]
    log: Option<String>,
    /// Print all settings as they would be used, with comments, and end.
    #[arg(long)]
    print_config: bool,
    /// Say whether the settings and the files they name can be used, and end.
    #[arg(long)]
    check_config: bool,
    /// Print the addresses as one line of JSON when ready, for scripts.
    #[arg(long)]
    json: bool,
}

fn pair(text: &str) -> Result<(String, String), String> {
    let parts = text.split_once('=');
    let (name, value) = parts.ok_or("expected NAME=VALUE, for example limits.connections=1000")?;
    Ok((name.trim().to_owned(), value.trim().to_owned()))
}

impl Args {
    pub(super) fn run(self) -> ExitCode {
        match self.obey() {
            Ok(()) => ExitCode::SUCCESS,
            Err(why) => {
                eprintln!("swarmline tracker: {why}");
                ExitCode::FAILURE
            }
        }
    }

    fn layers(&self) -> Layers {
        let mut flags = self.set.clone();
        let mut put = |name: &str, value: Option<String>| {
            flags.extend(value.map(|value| (name.to_owned(), value)));
        };
        put("listen", self.listen.map(|address| address.to_string()));
        put(
            "limits.connections",
            self.connections.map(|most| most.to_string()),
        );
        put(
            "limits.per_address",
            self.no_address_limits.then(|| "false".to_owned()),
        );
        put("log.level", self.log.clone());
        Layers {
            file: self.config.clone(),
            flags,
            no_environment: false,
        }
    }

    fn obey(self) -> Result<(), String> {
        let layers = self.layers();
        let settings = layers.read()?;
        if self.print_config {
            say(settings.to_toml().trim_end());
            return Ok(());
        }
        if self.check_config {
            settings.check_files()?;
            say("the settings are good");
            return Ok(());
        }
        log_to_stderr(&settings);
        let runtime = tokio::runtime::Runtime::new().map_err(|why| why.to_string())?;
        runtime.block_on(async {
            let stop = stop_signal();
            let running = run(settings).await?;
            let url = running.url().map_err(|why| why.to_string())?;
            let admin = running.admin_url().map_err(|why| why.to_string())?;
            match (self.json, admin) {
                (true, admin) => say(serde_json::json!({ "url": url, "admin": admin })),
                (false, None) => say(format_args!("tracker: {url}  (ctrl-c stops it)")),
                (false, Some(admin)) => say(format_args!("tracker: {url}  admin: {admin}")),
            }
            running.serve(stop, move || layers.read()).await;
            Ok(())
        })
    }
}

fn log_to_stderr(settings: &Settings) {
    let level = match settings.log.level {
        Level::Error => "error",
        Level::Warn => "warn",
        Level::Info => "info",
        Level::Debug => "debug",
        Level::Trace => "trace",
    };
    let logs = tracing_subscriber::fmt().with_writer(io::stderr);
    let logs = logs.with_env_filter(EnvFilter::new(format!("swarmline={level}")));
    let logs = logs.with_target(false);
    match settings.log.format {
        LogFormat::Text => logs.with_ansi(io::stderr().is_terminal()).init(),
        LogFormat::Json => logs.json().flatten_event(true).init(),
    }
}
