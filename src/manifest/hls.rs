//! HLS playlists → the model, with m3u8-rs. A refresh of a live playlist costs O(new segments).
