//! Runs one wasm32 test binary in Node: what `cargo test --target wasm32-unknown-unknown` calls.
//!
//! It is wasm-bindgen's own test runner, built from this workspace's lock file so that nobody has
//! to install it at the one version that fits. A member of its own, so that only the tests pay for
//! compiling it. Decides nothing.

use std::process::ExitCode;

fn main() -> ExitCode {
    match wasm_bindgen_cli::wasm_bindgen_test_runner::run_cli_with_args(std::env::args_os()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("{error:#}");
            ExitCode::FAILURE
        }
    }
}
