//! The tracker's shell: axum. Sockets, limits per address, shutdown.
