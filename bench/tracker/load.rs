//! Viewers by the thousand for a WebTorrent tracker, and what they cost it: the load generator of
//! `cargo xtask bench tracker`.
//!
//! One process, one thread, real WebSockets over loopback. Each viewer joins a swarm, announces with
//! offers of a browser's size and answers each offer that reaches it. An offer's id carries its moment,
//! so any tracker's relay can be timed. CPU time and memory are read from `/proc`, the tracker's beside our
//! own: their ratio drifts far less than either. It prints one JSON line and decides nothing.
//!
//! Invariant: what is counted lies inside the window that is measured; a viewer that is refused or
//! dropped is told in the result, never left out of it.

#![allow(
    clippy::disallowed_methods,
    clippy::disallowed_types,
    clippy::print_stdout,
    reason = "a benchmark: it asks the clock and prints"
)]

mod machine;
mod tally;
mod viewer;

use clap::Parser;
use machine::Process;
use std::error::Error;
use std::process::ExitCode;
use std::rc::Rc;
use std::time::{Duration, Instant};
use tally::Tally;
use tokio::task::LocalSet;
use viewer::{Crowd, Order};

/// Loads a tracker with viewers and prints what they cost it.
#[derive(Clone, Debug, Parser)]
struct Args {
    /// The tracker, as ws://HOST:PORT/.
    url: String,
    /// The tracker's process, whose CPU time and memory are read.
    #[arg(long)]
    pid: u32,
    /// Viewers that are connected.
    #[arg(long, default_value_t = 2_000)]
    connections: usize,
    /// Viewers of one swarm.
    #[arg(long, default_value_t = 100)]
    swarm: usize,
    /// Announces a second, of all viewers together.
    #[arg(long, default_value_t = 300.0)]
    rate: f64,
    /// Offers of an announce.
    #[arg(long, default_value_t = 5)]
    offers: usize,
    /// Bytes of an offer.
    #[arg(long, default_value_t = 1_500)]
    sdp_bytes: usize,
    /// Seconds that are measured.
    #[arg(long, default_value_t = 20)]
    seconds: u64,
    /// Drops all connections at once in the end and measures how long all need to be back.
    #[arg(long)]
    storm: bool,
}

fn main() -> ExitCode {
    let args = Args::parse();
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build();
    let run = match runtime {
        Ok(runtime) => LocalSet::new().block_on(&runtime, measure(args)),
        Err(why) => Err(why.into()),
    };
    match run {
        Ok(result) => {
            println!("{result}");
            ExitCode::SUCCESS
        }
        Err(why) => {
            eprintln!("tracker load: {why}");
            ExitCode::FAILURE
        }
    }
}

async fn measure(args: Args) -> Result<serde_json::Value, Box<dyn Error>> {
    let (tracker, own) = (Process::of(args.pid), Process::own());
    let bytes_before = tracker.resident_bytes()?;
    let tally = Rc::new(Tally::new());
    let crowd = Crowd::join(&args, &tally).await?;
    // The first garbage collections of a tracker in a collected language are part of what it costs to hold.
    tokio::time::sleep(Duration::from_secs(3)).await;
    let bytes_idle = tracker.resident_bytes()?;

    crowd.order(Order::Announce);
    tokio::time::sleep(Duration::from_secs(3)).await;
    tally.start();
    let (since, tracker_cpu, own_cpu) = (Instant::now(), tracker.cpu()?, own.cpu()?);
    tokio::time::sleep(Duration::from_secs(args.seconds)).await;
    let seconds = since.elapsed().as_secs_f64();
    let tracker_cpu = tracker.cpu()? - tracker_cpu;
    let own_cpu = own.cpu()? - own_cpu;
    let counted = tally.stop();
    crowd.order(Order::Rest);
    let storm_seconds = if args.storm {
        Some(crowd.storm(&tally).await?)
    } else {
        None
    };
    #[allow(clippy::cast_precision_loss, reason = "counts far below 2^52")]
    let (announces, idle) = (
        counted.announces.max(1) as f64,
        bytes_idle.saturating_sub(bytes_before) as f64 / args.connections as f64,
    );
    Ok(serde_json::json!({
        "connections": args.connections,
        "seconds": seconds,
        "announces": counted.announces,
        "replies": counted.replies,
        "offersRelayed": counted.offers,
        "answersRelayed": counted.answers,
        "failures": counted.failures,
        "dropped": tally.dropped(),
        "trackerCpuSeconds": tracker_cpu,
        "ownCpuSeconds": own_cpu,
        "trackerToOwnCpu": tracker_cpu / own_cpu,
        "cpuMicrosPerAnnounce": tracker_cpu / announces * 1e6,
        "relayP50Ms": counted.relay_ms(0.5),
        "relayP99Ms": counted.relay_ms(0.99),
        "idleBytesPerConnection": idle,
        "residentBytes": tracker.resident_bytes()?,
        "stormSeconds": storm_seconds,
    }))
}
