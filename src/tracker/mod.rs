//! The tracker: who is in which swarm and whose offer goes to whom. A value like the engine; no sockets.
