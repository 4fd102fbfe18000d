//! The command line: one file a subcommand, each at most 80 lines; the work is in the rooms.
#![allow(
    clippy::disallowed_methods,
    clippy::disallowed_types,
    clippy::print_stdout,
    reason = "a shell: it reads files and the clock and speaks to a person"
)]

mod cost;
#[cfg(feature = "serve")]
mod demo;
mod keygen;
mod sign;
mod simulate;
mod token;
#[cfg(feature = "operate")]
mod tracker;
mod verify;

use clap::{Parser, Subcommand};
use std::fmt;
use std::io::{self, Write};
use std::process::ExitCode;

/// Video segments over WebRTC, beside the CDN.
#[derive(Debug, Parser)]
#[command(name = "swarmline", version, arg_required_else_help = true)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

// One variant a subcommand: `Tracker(tracker::Args)`, with `fn run(self) -> ExitCode` in its file.
#[derive(Debug, Subcommand)]
enum Command {
    Keygen(keygen::Args),
    Sign(sign::Args),
    Verify(verify::Args),
    #[cfg(feature = "operate")]
    Tracker(tracker::Args),
    Token(token::Args),
    Simulate(simulate::Args),
    #[cfg(feature = "serve")]
    #[command(hide = true)]
    Demo(demo::Args),
}

/// Prints a line for a person or a script. Who closed standard output (`| head`) has read enough.
fn say(line: impl fmt::Display) {
    let _ = writeln!(io::stdout().lock(), "{line}");
}

/// Runs the command that the arguments name.
#[must_use]
pub fn run() -> ExitCode {
    match Cli::parse().command {
        Command::Keygen(args) => args.run(),
        Command::Sign(args) => args.run(),
        Command::Verify(args) => args.run(),
        #[cfg(feature = "operate")]
        Command::Tracker(args) => args.run(),
        Command::Token(args) => args.run(),
        Command::Simulate(args) => args.run(),
        #[cfg(feature = "serve")]
        Command::Demo(args) => args.run(),
    }
}
