//! `cargo xtask wasm-test-runner`.

/// Runs the command.
pub(crate) fn run(_args: &[String]) -> Result<(), String> {
    Err("not here yet".to_owned())
}
