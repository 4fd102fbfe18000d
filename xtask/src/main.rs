//! The project's own commands: `cargo xtask demo | test | build | bench | soak`. This file only dispatches;
//! each command is one file.

mod bench;
mod build;
mod demo;
mod glue;
mod programs;
mod simulator;
mod soak;
mod test;
mod toolchain;
mod whereabouts;

use std::process::ExitCode;

const USAGE: &str = "usage: cargo xtask <command>

  demo    build everything and serve the demo on one port
  test    everything CI runs; the last line counts what passed
  build   write js-adapters/dist: wasm, glue, adapters, types
  bench   `bench browser`: viewers in real browsers, with and without the swarm;
          `bench verify`: how fast the engine verifies there; `bench simulator`: what a
          simulated viewer costs
  soak    `soak fuzz`: lets the decoders meet what a stranger may send, for minutes
";

fn main() -> ExitCode {
    let mut args = std::env::args().skip(1);
    let command = args.next().unwrap_or_default();
    let rest: Vec<String> = args.collect();
    let result = match command.as_str() {
        "build" => build::run(&rest),
        "demo" => demo::run(&rest),
        "test" => test::run(&rest),
        "bench" => bench::run(&rest),
        "soak" => soak::run(&rest),
        _ => Err(USAGE.to_owned()),
    };
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(message) => {
            eprintln!("{message}");
            ExitCode::FAILURE
        }
    }
}
