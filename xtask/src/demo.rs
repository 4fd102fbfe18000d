//! `cargo xtask demo`: builds the package, the page and the binary, then serves page, sample streams
//! and tracker on one port. What is built already is not built again.
//!
//! On Unix this process *becomes* the server, so ctrl-c and every other signal reach it directly and
//! its exit code is ours.

use crate::toolchain;
use std::net::{Ipv4Addr, TcpListener};
use std::process::Command;
use std::time::Instant;

const USAGE: &str = "usage: cargo xtask demo [--port 8080]

  --port PORT   where to listen on 127.0.0.1 (default 8080)";
const DEFAULT_PORT: u16 = 8080;

/// Runs the command.
pub(crate) fn run(args: &[String]) -> Result<(), String> {
    let port = port_of(args)?;
    ensure_free(port)?;
    step("tools: Node, the wasm32 target, npm packages", || {
        toolchain::ensure_node()?;
        toolchain::ensure_wasm_target()?;
        toolchain::npm_ci()
    })?;
    step("package: the engine as wasm, and the adapters", || {
        crate::build::run(&[])
    })?;
    step("server: the swarmline binary", || {
        // Without the HTTP client of `swarmline verify URL`, whose TLS takes half a minute to build.
        let lean = ["--no-default-features", "--features", "serve"];
        let build = ["build", "--quiet", "--bin", "swarmline"];
        toolchain::run(Command::new("cargo").args(build).args(lean))
    })?;
    step("page: demo/dist", || {
        toolchain::run(toolchain::npm().args(["run", "--silent", "build", "--workspace", "demo"]))
    })?;
    eprintln!(
        "
The demo is at

    http://127.0.0.1:{port}/

Try:  «Watch with four viewers», or open the address in a second tab
      «Break the CDN» while they watch
      the settings below the picture
Ctrl-C stops it.
"
    );
    serve(port)
}

/// Runs one step of the build and says how long it took.
fn step(name: &str, work: impl FnOnce() -> Result<(), String>) -> Result<(), String> {
    eprintln!("==> {name}");
    let start = Instant::now();
    work()?;
    eprintln!("    {:.1} s", start.elapsed().as_secs_f64());
    Ok(())
}

fn serve(port: u16) -> Result<(), String> {
    let program = std::env::current_exe()
        .map_err(|error| format!("this program's own path is unknown: {error}"))?
        .with_file_name(format!("swarmline{}", std::env::consts::EXE_SUFFIX));
    let mut server = Command::new(program);
    server
        .current_dir(toolchain::root())
        .args(server_args(port));
    become_server(&mut server)
}

/// The server's arguments. The last `--dir` is the page itself.
fn server_args(port: u16) -> Vec<String> {
    let listen = format!("127.0.0.1:{port}");
    let args = [
        "demo",
        "--listen",
        &listen,
        "--dir",
        "/media=demo/media",
        "--dir",
        "/swarmline=js-adapters/dist",
        "--dir",
        "/=demo/dist",
        "--live",
        "/live=demo/media/master.m3u8",
        "--sign",
    ];
    args.map(str::to_owned).to_vec()
}

#[cfg(unix)]
fn become_server(server: &mut Command) -> Result<(), String> {
    use std::os::unix::process::CommandExt;
    let error = server.exec();
    Err(format!("the server could not be started: {error}"))
}

#[cfg(not(unix))]
fn become_server(server: &mut Command) -> Result<(), String> {
    toolchain::run(server)
}

/// A taken port is found before minutes of building, not after.
fn ensure_free(port: u16) -> Result<(), String> {
    match TcpListener::bind((Ipv4Addr::LOCALHOST, port)) {
        Ok(_) => Ok(()),
        Err(error) => Err(format!(
            "port {port} on 127.0.0.1 cannot be used: {error}\n\
             Stop what listens there, or choose another: cargo xtask demo --port {}",
            if port == u16::MAX {
                DEFAULT_PORT
            } else {
                port + 1
            }
        )),
    }
}

fn port_of(args: &[String]) -> Result<u16, String> {
    let text = match args {
        [] => return Ok(DEFAULT_PORT),
        [flag, value] if flag == "--port" => value.as_str(),
        [one] => one.strip_prefix("--port=").ok_or(USAGE)?,
        _ => return Err(USAGE.to_owned()),
    };
    match text.parse() {
        Ok(port) if port > 0 => Ok(port),
        _ => Err(format!(
            "--port wants a number from 1 to 65535, not {text:?}"
        )),
    }
}

#[cfg(test)]
mod tests {
    use super::{ensure_free, port_of};
    use std::net::{Ipv4Addr, TcpListener};

    fn port(args: &[&str]) -> Result<u16, String> {
        port_of(&args.iter().map(|&arg| arg.to_owned()).collect::<Vec<_>>())
    }

    #[test]
    fn the_port_is_read_in_both_spellings() {
        assert_eq!(port(&[]), Ok(8080));
        assert_eq!(port(&["--port", "9000"]), Ok(9000));
        assert_eq!(port(&["--port=9001"]), Ok(9001));
    }

    #[test]
    fn a_wrong_port_is_named() {
        for wrong in ["0", "70000", "x"] {
            let error = port(&["--port", wrong]).unwrap_err();
            assert!(error.contains("--port") && error.contains(wrong), "{error}");
        }
        assert!(port(&["--help"]).unwrap_err().contains("usage"));
    }

    #[test]
    fn a_taken_port_is_a_message_that_names_the_flag() {
        let taken = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        let port = taken.local_addr().unwrap().port();
        let error = ensure_free(port).unwrap_err();
        assert!(
            error.contains(&port.to_string()) && error.contains("--port"),
            "{error}"
        );
    }
}
