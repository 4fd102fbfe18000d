//! The one binary: `swarmline tracker | sign | verify | …`. Decides nothing: `cli/` holds one file
//! a subcommand. On wasm32 there is no command line, so `main` is empty there.

#[cfg(not(target_arch = "wasm32"))]
fn main() -> std::process::ExitCode {
    swarmline::cli::run()
}

#[cfg(target_arch = "wasm32")]
fn main() {}
