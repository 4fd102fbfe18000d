//! The one test origin that demo, tests and benchmark share: folders over HTTP with ranges and CORS,
//! request counters, faults on demand, and a VOD looped into a live stream.
