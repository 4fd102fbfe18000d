//! Folders of a test's own, and the stream in one. Decides nothing.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU32, Ordering};
use swarmline::integrity::{PublicKey, SecretKey};
use swarmline::publish::{
    Believed, Place, Progress, PublishError, Report, SignOptions, Signed, Status, sign, verify,
};

/// A folder of a test's own, gone with it.
pub(crate) struct Folder(pub(crate) PathBuf);

impl Folder {
    pub(crate) fn new() -> Self {
        static COUNT: AtomicU32 = AtomicU32::new(0);
        let number = COUNT.fetch_add(1, Ordering::Relaxed);
        let name = format!("publish-{}-{number}", std::process::id());
        let path = Path::new(env!("CARGO_TARGET_TMPDIR")).join(name);
        fs::create_dir_all(&path).unwrap();
        Self(path)
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.0.join(name)
    }

    pub(crate) fn put(&self, name: &str, bytes: impl AsRef<[u8]>) {
        let path = self.path(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        // Whole at once: somebody may be watching.
        let unfinished = path.with_extension("tmp");
        fs::write(&unfinished, bytes).unwrap();
        fs::rename(unfinished, path).unwrap();
    }

    pub(crate) fn text(&self, name: &str) -> String {
        fs::read_to_string(self.path(name)).unwrap()
    }

    /// Every file below, with its bytes.
    pub(crate) fn all(&self) -> Vec<(String, Vec<u8>)> {
        let (mut files, mut folders) = (Vec::new(), vec![self.0.clone()]);
        while let Some(folder) = folders.pop() {
            for entry in fs::read_dir(folder).unwrap() {
                let path = entry.unwrap().path();
                if path.is_dir() {
                    folders.push(path);
                } else {
                    let name = path
                        .strip_prefix(&self.0)
                        .unwrap()
                        .to_str()
                        .unwrap()
                        .to_owned();
                    files.push((name, fs::read(path).unwrap()));
                }
            }
        }
        files.sort();
        files
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        fs::remove_dir_all(&self.0).ok();
    }
}

/// Bytes that differ with `seed`.
pub(crate) fn media(seed: u8, len: usize) -> Vec<u8> {
    (0..=250_u8)
        .cycle()
        .map(|byte| byte ^ seed)
        .take(len)
        .collect()
}

pub(crate) const VIDEO: &str = "\u{feff}#EXTM3U\r\n#EXT-X-TARGETDURATION:4\r\n\
    #EXT-X-KEY:METHOD=AES-128,URI=\"key.bin\"\r\n#EXT-X-MAP:URI=\"init.mp4\"\r\n#EXTINF:4,\r\n\
    a%201.m4s?x=1\r\n#EXTINF:4,\r\n#FUTURE-TAG\r\nb.m4s\r\n#EXT-X-GAP\r\n#EXTINF:4,\r\nc.m4s\r\n\
    #EXT-X-ENDLIST";

pub(crate) const AUDIO: &str = "#EXTM3U\n#EXT-X-TARGETDURATION:4\n\
    #EXTINF:4,\n#EXT-X-BYTERANGE:20000@100\nall.mp4\n\
    #EXTINF:4,\n#EXT-X-BYTERANGE:30000\nall.mp4\n#EXT-X-ENDLIST\n#EXT-X-LATER:1\n";

pub(crate) const MASTER: &str = "#EXTM3U\n\
    #EXT-X-MEDIA:TYPE=AUDIO,GROUP-ID=\"a\",NAME=\"a\",URI=\"audio/a.m3u8\"\n\
    #EXT-X-STREAM-INF:BANDWIDTH=1,AUDIO=\"a\"\nvideo/v.m3u8\n";

/// A finished stream: encrypted video, audio as byte ranges of one file, a master playlist.
pub(crate) fn vod() -> Folder {
    let folder = Folder::new();
    folder.put("master.m3u8", MASTER);
    folder.put("video/v.m3u8", VIDEO);
    folder.put("video/key.bin", [1; 16]);
    folder.put("video/init.mp4", media(9, 700));
    folder.put("video/a 1.m4s", media(1, 70_000));
    folder.put("video/b.m4s", media(2, 16_384));
    folder.put("audio/a.m3u8", AUDIO);
    folder.put("audio/all.mp4", media(3, 50_100));
    folder
}

/// What `verify` says of a path.
pub(crate) fn check(path: PathBuf) -> Report {
    let believed = Believed::default();
    verify(&[Place::Path(path)], believed, &mut Progress::silent()).unwrap()
}

/// The secret key of these tests.
pub(crate) fn key() -> SecretKey {
    SecretKey::from_bytes(&[7; 32])
}

/// Signing with it.
pub(crate) fn sealing() -> SignOptions {
    SignOptions {
        key: Some(key()),
        ..SignOptions::default()
    }
}

/// Signs a path in place.
pub(crate) fn sign_with(path: PathBuf, options: &SignOptions) -> Result<Vec<Signed>, PublishError> {
    sign(&[path], None, options, &mut Progress::silent())
}

/// What `verify` says of a path whose segments should be signed.
pub(crate) fn check_key(path: PathBuf, key: &PublicKey) -> Report {
    let believed = Believed {
        key: Some(key),
        ..Believed::default()
    };
    verify(&[Place::Path(path)], believed, &mut Progress::silent()).unwrap()
}

/// The verdicts, in order.
pub(crate) fn statuses(report: &Report) -> Vec<Status> {
    let playlists = report.playlists.iter();
    let segments = playlists.flat_map(|playlist| &playlist.segments);
    segments.map(|segment| segment.status).collect()
}
