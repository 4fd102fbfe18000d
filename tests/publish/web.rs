//! A stream checked where viewers get it: over HTTP, from the test origin.

use crate::folder::{Folder, key, sealing, sign_with, statuses, vod};
use std::future::pending;
use swarmline::origin::{Config, Origin, serve};
use swarmline::publish::Status::{Gap, Mismatch, NoDigest, Ok, Unreadable};
use swarmline::publish::{Believed, Place, Progress, Report, SidecarUse, SignOptions, verify};

/// The folder behind an origin, for as long as the value lives.
struct Site {
    url: String,
    _runtime: tokio::runtime::Runtime,
}

impl Site {
    fn new(folder: &Folder) -> Self {
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .enable_all()
            .build()
            .unwrap();
        let origin = Origin::new(Config {
            dirs: vec![("/v".to_owned(), folder.0.clone())],
            live: Vec::new(),
            live_window: 6,
            sign: false,
            rate_bytes_per_s: None,
            tracker: None,
        });
        let origin = origin.unwrap();
        let listener = runtime
            .block_on(tokio::net::TcpListener::bind("127.0.0.1:0"))
            .unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        runtime.spawn(serve(listener, origin, pending()));
        Self {
            url,
            _runtime: runtime,
        }
    }

    fn verify(&self, path: &str) -> Result<Report, String> {
        let place: Place = format!("{}{path}", self.url).parse().unwrap();
        let key = key().public_key();
        let believed = Believed {
            key: Some(&key),
            ..Believed::default()
        };
        verify(&[place], believed, &mut Progress::silent()).map_err(|error| error.to_string())
    }

    fn fault(&self, fault: &str) {
        ureq::post(format!("{}/_origin/fault?kind={fault}", self.url))
            .send_empty()
            .unwrap();
    }
}

#[test]
fn a_master_brings_its_playlists_and_every_segment_is_fetched() {
    let folder = vod();
    let site = Site::new(&folder);
    let report = site.verify("/v/master.m3u8").unwrap();
    assert_eq!(
        statuses(&report),
        [NoDigest, NoDigest, NoDigest, NoDigest, Gap]
    );
    for sidecar in [SidecarUse::Never, SidecarUse::Always] {
        let options = SignOptions {
            sidecar,
            ..sealing()
        };
        sign_with(folder.0.clone(), &options).unwrap();
        let report = site.verify("/v/master.m3u8?token=1").unwrap();
        assert_eq!(statuses(&report), [Ok, Ok, Ok, Ok, Gap]);
        assert!(report.ok);
        let [audio, video] = report.playlists.as_slice() else {
            panic!("{report:?}");
        };
        assert_eq!(audio.playlist, format!("{}/v/audio/a.m3u8", site.url));
        assert_eq!(video.sidecar.is_some(), sidecar == SidecarUse::Always);
    }
}

#[test]
fn what_a_server_does_to_bytes_is_found() {
    let folder = vod();
    sign_with(folder.0.clone(), &sealing()).unwrap();
    let site = Site::new(&folder);
    site.fault("no-range&match=all.mp4");
    assert!(
        site.verify("/v/audio/a.m3u8").unwrap().ok,
        "a whole answer to a range is cut"
    );
    site.fault("corrupt&match=b.m4s");
    let report = site.verify("/v/video/v.m3u8").unwrap();
    assert_eq!(statuses(&report), [Ok, Mismatch, Gap]);
    site.fault("404&match=b.m4s");
    let report = site.verify("/v/video/v.m3u8").unwrap();
    assert_eq!(statuses(&report), [Ok, Unreadable, Gap]);
    let detail = report.playlists[0].segments[1].detail.clone().unwrap();
    assert!(
        detail.contains("404") && detail.contains("/v/video/b.m4s"),
        "{detail}"
    );
    site.fault("none");
    assert!(site.verify("/v/video/v.m3u8").unwrap().ok);
    folder.put("video/b.m4s", vec![0; 5_000_000]);
    let report = site.verify("/v/video/v.m3u8").unwrap();
    let detail = report.playlists[0].segments[1].detail.as_deref();
    assert_eq!(
        detail,
        Some("16385 bytes or more, 16384 expected"),
        "no more is read"
    );
}

#[test]
fn what_is_no_playlist_is_said_with_its_url() {
    let folder = vod();
    let site = Site::new(&folder);
    let none = site.verify("/v/none.m3u8").unwrap_err();
    assert!(
        none.contains("/v/none.m3u8: the server answered 404"),
        "{none}"
    );
    let media = site.verify("/v/video/b.m4s").unwrap_err();
    assert!(
        media.contains("not UTF-8") || media.contains("#EXTM3U"),
        "{media}"
    );
    drop(site);
    let gone = "http://127.0.0.1:9/x.m3u8".parse().unwrap();
    let gone = verify(&[gone], Believed::default(), &mut Progress::silent()).unwrap_err();
    assert!(
        gone.to_string().starts_with("http://127.0.0.1:9/x.m3u8: "),
        "{gone}"
    );
}
