//! A live packager's playlists, signed as they grow.

use crate::folder::{Folder, check_key, key, media, sealing, vod};
use std::fs;
use std::path::Path;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};
use swarmline::integrity::tag::TAG;
use swarmline::publish::{SignOptions, Watched, strip_playlist, watch};

/// A live packager that writes as most do: the segment, then the playlist through a rename.
struct Packager {
    folder: Folder,
    window: u32,
}

impl Packager {
    fn write(&self, newest: u32, end: &str) {
        let first = (newest + 1).saturating_sub(self.window);
        self.folder
            .put(&format!("{newest}.ts"), Self::segment(newest));
        let mut text = format!("#EXTM3U\n#EXT-X-TARGETDURATION:2\n#EXT-X-MEDIA-SEQUENCE:{first}\n");
        for number in first..=newest {
            text += &format!("#EXTINF:2,\n{number}.ts\n");
        }
        self.folder.put("live.m3u8", text + end);
        if let Some(old) = first.checked_sub(2) {
            fs::remove_file(self.folder.path(&format!("{old}.ts"))).unwrap();
        }
    }

    fn segment(number: u32) -> Vec<u8> {
        media(
            u8::try_from(number % 200).unwrap(),
            20_000 + number as usize,
        )
    }
}

/// Ends a watch whose test failed, so that the test ends too.
struct StopOnPanic<'a>(&'a AtomicBool);

impl Drop for StopOnPanic<'_> {
    fn drop(&mut self) {
        if std::thread::panicking() {
            self.0.store(true, Ordering::Relaxed);
        }
    }
}

/// Waits until the playlist holds `wanted`; every version seen must be signed throughout.
fn wait_signed(playlist: &Path, wanted: &str) -> Duration {
    let start = Instant::now();
    loop {
        if let Ok(text) = fs::read_to_string(playlist) {
            assert_eq!(
                text.matches("#EXTINF").count(),
                text.matches(TAG).count(),
                "{text}"
            );
            if text.contains(wanted) {
                return start.elapsed();
            }
        }
        assert!(
            start.elapsed() < Duration::from_secs(20),
            "no {wanted:?} in {playlist:?}"
        );
        std::thread::sleep(Duration::from_millis(2));
    }
}

#[test]
fn a_live_stream_comes_out_signed_with_no_segment_hashed_twice() {
    let packager = Packager {
        folder: Folder::new(),
        window: 4,
    };
    let out = Folder::new();
    let (source, target) = (packager.folder.0.clone(), out.path("live.m3u8"));
    let (stop, mut delays) = (AtomicBool::new(false), Vec::new());
    let hashed = std::thread::scope(|scope| {
        let out = out.0.clone();
        let _stop_on_panic = StopOnPanic(&stop);
        let is_stopped = || stop.load(Ordering::Relaxed);
        let watch =
            scope.spawn(move || watch(&[source], &out, &sealing(), &mut |_| {}, &is_stopped));
        for newest in 0..12 {
            let end = if newest == 11 { "#EXT-X-ENDLIST\n" } else { "" };
            packager.write(newest, end);
            delays.push(wait_signed(&target, &format!("\n{newest}.ts\n")));
            if newest % 4 == 3 {
                let report = check_key(target.clone(), &key().public_key());
                assert!(report.ok, "what is published plays");
            }
        }
        watch.join().unwrap().unwrap()
    });
    assert_eq!(hashed, 12);
    assert_eq!(
        strip_playlist(&out.text("live.m3u8")),
        packager.folder.text("live.m3u8")
    );
    let names: Vec<_> = out.all().into_iter().map(|(name, _)| name).collect();
    assert_eq!(
        names,
        ["10.ts", "11.ts", "7.ts", "8.ts", "9.ts", "live.m3u8"],
        "old ones are gone"
    );
    delays.sort();
    println!(
        "signed after {:?} (median), {:?} (worst)",
        delays[6], delays[11]
    );
}

#[test]
fn a_watch_waits_for_what_is_missing_and_says_so_once() {
    let (folder, out) = (Folder::new(), Folder::new());
    let (stop, said) = (AtomicBool::new(false), Mutex::new(Vec::new()));
    std::thread::scope(|scope| {
        let sources = [folder.path("master.m3u8")];
        let (out, said) = (out.0.clone(), &said);
        let _stop_on_panic = StopOnPanic(&stop);
        let is_stopped = || stop.load(Ordering::Relaxed);
        let follow = scope.spawn(move || {
            let mut say = |watched: Watched| said.lock().unwrap().push(watched);
            watch(
                &sources,
                &out,
                &SignOptions::default(),
                &mut say,
                &is_stopped,
            )
            .unwrap()
        });
        let wait_said = |count: usize| {
            let start = Instant::now();
            while said.lock().unwrap().len() < count {
                assert!(
                    start.elapsed() < Duration::from_secs(20),
                    "{:?}",
                    said.lock().unwrap()
                );
                std::thread::sleep(Duration::from_millis(5));
            }
        };
        wait_said(1);
        folder.put("v.m3u8", "#EXTM3U\n#EXTINF:4,\na.ts\n#EXT-X-ENDLIST\n");
        folder.put(
            "master.m3u8",
            "#EXTM3U\n#EXT-X-STREAM-INF:BANDWIDTH=1\nv.m3u8\n",
        );
        wait_said(2);
        std::thread::sleep(Duration::from_millis(300));
        folder.put("a.ts", "bytes");
        assert_eq!(follow.join().unwrap(), 1);
    });
    let said = said.into_inner().unwrap();
    let words: Vec<String> = said
        .into_iter()
        .map(|watched| match watched {
            Watched::Trouble(trouble) => trouble.to_string(),
            Watched::Signed(signed) => signed.path.display().to_string(),
        })
        .collect();
    let [absent, segment, media, master] = words.as_slice() else {
        panic!("{words:#?}");
    };
    assert!(absent.ends_with("master.m3u8: no such file"));
    assert!(segment.contains("v.m3u8: line 3: segment") && segment.ends_with("a.ts: no such file"));
    assert!(media.ends_with("v.m3u8") && master.ends_with("master.m3u8"));
}

#[test]
fn a_watch_into_its_own_source_is_refused_and_stops_when_told() {
    let folder = vod();
    let stopped = AtomicBool::new(false);
    let error = watch(
        std::slice::from_ref(&folder.0),
        &folder.0,
        &SignOptions::default(),
        &mut |_| {},
        &|| false,
    )
    .unwrap_err();
    assert!(
        error.what.starts_with("--out is the folder it is in"),
        "{error}"
    );
    let (out, live) = (Folder::new(), Folder::new());
    live.put("live.m3u8", "#EXTM3U\n");
    let mut say = |_| stopped.store(true, Ordering::Relaxed);
    watch(
        std::slice::from_ref(&live.0),
        &out.0,
        &SignOptions::default(),
        &mut say,
        &|| stopped.load(Ordering::Relaxed),
    )
    .unwrap();
    assert_eq!(out.text("live.m3u8"), "#EXTM3U\n");
}
