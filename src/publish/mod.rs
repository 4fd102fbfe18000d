//! Native: sign and check playlists.
