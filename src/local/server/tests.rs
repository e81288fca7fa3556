//! A llama-server that is a shell script or this test program again, and the real one where there is one.

use super::*;
use crate::local::watchdog::tests::script;
use std::io::{BufRead, BufReader, Write};
use std::process::Command;

/// Plays llama-server over HTTP when run as a process of its own with `FAKE_ARGS`, as the tests of
/// this file do; run by hand (`cargo test --lib fake_llama_server -- --ignored`) it does nothing.
#[test]
#[ignore = "the process behind the scripts of the other tests"]
fn fake_llama_server() {
    let Ok(args) = std::env::var("FAKE_ARGS") else {
        return;
    };
    let after = |name: &str| {
        args.split(' ')
            .skip_while(|word| *word != name)
            .nth(1)
            .expect("given")
            .to_owned()
    };
    let listener =
        TcpListener::bind(("127.0.0.1", after("--port").parse::<u16>().expect("a port")))
            .expect("free");
    assert!(args.contains(" -np 1 ") && args.contains(" -t 1 ") && args.ends_with("--no-webui"));
    let mode = std::env::var("FAKE_MODE").unwrap_or_default();
    let model = if mode == "other-model" {
        "/else/where.gguf".to_owned()
    } else {
        after("-m")
    };
    let mut polls = 0;
    for stream in listener.incoming() {
        let mut stream = stream.expect("a connection");
        let mut reader = BufReader::new(stream.try_clone().expect("cloned"));
        let mut head = String::new();
        while !head.ends_with("\r\n\r\n") && reader.read_line(&mut head).is_ok_and(|read| read > 0)
        {
        }
        let (status, body) = match head.split(' ').nth(1).unwrap_or_default() {
            "/health" => {
                polls += 1;
                let ready = polls > 2 && mode != "never-healthy";
                (
                    if ready { "200 OK" } else { "503 Loading" },
                    "{}".to_owned(),
                )
            }
            "/props" => {
                let window = after("-c").parse::<u64>().expect("a number");
                let props = json!({"default_generation_settings": {"n_ctx": window}, "model_path": model, "build_info": "fake-1"});
                ("200 OK", props.to_string())
            }
            "/completion" if mode == "dies-computing" => {
                let _ = Command::new("sh")
                    .args(["-c", &format!("kill -ILL {}", std::process::id())])
                    .status();
                return;
            }
            "/completion" if mode == "no-model" => {
                ("500 Error", r#"{"error":"no such tensor"}"#.to_owned())
            }
            "/completion" => ("200 OK", r#"{"content":"x"}"#.to_owned()),
            _ => ("404 Not Found", String::new()),
        };
        let length = body.len();
        let answer = format!(
            "HTTP/1.1 {status}\r\ncontent-length: {length}\r\nconnection: close\r\n\r\n{body}"
        );
        let _ = stream.write_all(answer.as_bytes());
    }
}

struct Bench {
    folder: tempfile::TempDir,
    options: Options,
}

impl Bench {
    /// A server whose script does `body` when it is not asked for its version.
    fn new(body: &str) -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let binary = script(
            folder.path(),
            &format!("[ \"$1\" = --version ] && {{ echo version: 1; exit 0; }}\n{body}"),
        );
        let model = folder.path().join("m.gguf");
        std::fs::write(&model, "GGUF").expect("written");
        let options = Options {
            binary,
            model,
            name: None,
            context_tokens: Some(512),
            threads: Some(1),
            log: folder.path().join("llama-server.log"),
            ready_within: Some(Duration::from_secs(30)),
        };
        Bench { folder, options }
    }

    /// The script goes on as this test program, playing that mode.
    fn playing(mode: &str, before: &str) -> Self {
        let ourselves = std::env::current_exe().expect("ourselves");
        Self::new(&format!(
            "{before}\nFAKE_MODE={mode} FAKE_ARGS=\"$*\" exec '{}' --exact local::server::tests::fake_llama_server --ignored --nocapture",
            ourselves.display()
        ))
    }

    async fn fails(&self) -> anyhow::Error {
        let error = ManagedServer::start(&self.options)
            .await
            .expect_err("it cannot start");
        assert!(!format!("{error:#}").contains('\n'), "one line: {error:#}");
        error
    }
}

#[tokio::test]
async fn a_server_is_started_asked_and_ended() {
    let bench = Bench::playing("well", "");
    let mut server = ManagedServer::start(&bench.options).await.expect("started");
    assert_eq!(server.window_tokens, 512);
    assert_eq!(server.build.as_deref(), Some("fake-1"));
    assert!(server.base_url.starts_with("http://127.0.0.1:") && server.base_url.ends_with("/v1"));
    assert_eq!(server.ended(), None);
    let pid = server.pid();
    let alive = |pid: u32| {
        Command::new("kill")
            .args(["-0", &pid.to_string()])
            .status()
            .expect("kill")
            .success()
    };
    assert!(alive(pid));
    drop(server);
    assert!(!alive(pid));
}

#[tokio::test]
async fn a_server_that_exits_at_once_is_quoted() {
    let bench = Bench::new("echo starting; echo 'error: no such tensor' >&2; echo >&2; exit 7");
    let error = bench.fails().await;
    let said = format!("{error:#}");
    assert!(
        said.contains("exited with code 7") && said.ends_with("error: no such tensor"),
        "{said}"
    );
    assert!(
        error.downcast_ref::<Unusable>().is_none(),
        "the machine is not at fault"
    );
}

#[tokio::test]
async fn a_server_that_never_becomes_ready_is_ended() {
    let mut bench = Bench::playing(
        "never-healthy",
        "echo $$ > \"${0%/*}/pid\"; echo loading for ever",
    );
    bench.options.ready_within = Some(Duration::from_millis(1500));
    let said = format!("{:#}", bench.fails().await);
    assert!(said.contains("not ready in 2 s"), "{said}");
    let pid = std::fs::read_to_string(bench.folder.path().join("pid")).expect("noted");
    assert!(
        !Command::new("kill")
            .args(["-0", pid.trim()])
            .status()
            .expect("kill")
            .success(),
        "it is gone"
    );
}

#[tokio::test]
async fn a_server_that_dies_when_it_computes_is_unusable_here() {
    let error = Bench::playing("dies-computing", "").fails().await;
    let unusable = error
        .downcast_ref::<Unusable>()
        .unwrap_or_else(|| panic!("{error:#}"));
    assert!(unusable.why.contains("SIGILL"), "{unusable}");
}

#[tokio::test]
async fn a_server_that_dies_while_it_loads_is_unusable_here() {
    let error = Bench::new("echo loading; kill -ILL $$").fails().await;
    let unusable = error
        .downcast_ref::<Unusable>()
        .unwrap_or_else(|| panic!("{error:#}"));
    assert!(unusable.why.contains("SIGILL"), "{unusable}");
    let mut bench = Bench::new("exit 0");
    bench.options.binary = PathBuf::from("/nowhere/llama-server");
    assert!(bench.fails().await.downcast_ref::<Unusable>().is_some());
}

#[tokio::test]
async fn a_model_that_it_cannot_use_is_told_apart() {
    let error = Bench::playing("no-model", "").fails().await;
    assert!(format!("{error:#}").contains("no such tensor"), "{error:#}");
    assert!(error.downcast_ref::<Unusable>().is_none());
}

#[tokio::test]
async fn another_model_on_the_port_is_never_taken_for_ours() {
    let said = format!("{:#}", Bench::playing("other-model", "").fails().await);
    assert!(
        said.contains("three attempts") && said.contains("/else/where.gguf"),
        "{said}"
    );
}

#[tokio::test]
async fn a_port_lost_to_another_is_left_for_a_third() {
    let first = "if [ ! -e \"${0%/*}/tried\" ]; then : > \"${0%/*}/tried\"\n\
         echo \"start: couldn't bind HTTP server socket, hostname: 127.0.0.1\" >&2; exit 1; fi";
    let bench = Bench::playing("well", first);
    let server = ManagedServer::start(&bench.options)
        .await
        .expect("the second attempt");
    assert!(bench.folder.path().join("tried").exists());
    drop(server);
}

#[tokio::test]
async fn a_death_in_mid_run_is_told_with_the_last_words() {
    let bench = Bench::playing("well", "echo last words");
    let mut server = ManagedServer::start(&bench.options).await.expect("started");
    let killed = Command::new("kill")
        .args(["-ABRT", &server.pid().to_string()])
        .status()
        .expect("kill");
    assert!(killed.success());
    let deadline = Instant::now() + Duration::from_secs(20);
    let told = loop {
        match server.ended() {
            Some(told) => break told,
            None => assert!(Instant::now() < deadline),
        }
        std::thread::sleep(Duration::from_millis(10));
    };
    assert!(
        told.contains("SIGABRT") && told.contains(server.log.path.to_str().expect("text")),
        "{told}"
    );
}

#[test]
fn options_left_in_the_environment_do_not_reach_the_server() {
    let set = [
        "LLAMA_ARG_CONTEXT_SHIFT",
        "LLAMA_ARG_N_GPU_LAYERS",
        "LLAMA_API_KEY",
        "HOME",
        "LLAMA_ARG_DEVICE",
    ];
    let changed = environment(
        Path::new("/nowhere"),
        set.iter().map(|&name| name.to_owned()),
    );
    let lost = ["LLAMA_ARG_CONTEXT_SHIFT", "LLAMA_API_KEY"];
    assert_eq!(changed, lost.map(|name| (name.to_owned(), None)));
}

#[test]
fn a_big_model_gets_more_time_to_load() {
    assert_eq!(loading_time(0), Duration::from_secs(60));
    assert_eq!(loading_time(40_000_000_000), Duration::from_secs(60 + 1600));
}

/// With the real server and model, where the environment names them.
#[tokio::test]
async fn the_real_server_serves_the_real_model() {
    let (Some(binary), Some(model)) = (
        std::env::var_os("DEPTHFINDER_TEST_LLAMA_SERVER"),
        std::env::var_os("DEPTHFINDER_TEST_GGUF"),
    ) else {
        return;
    };
    let mut bench = Bench::new("exit 1");
    bench.options.binary = binary.into();
    bench.options.model = model.into();
    bench.options.name = Some("the-model".to_owned());
    bench.options.ready_within = None;
    let mut server = ManagedServer::start(&bench.options).await.expect("started");
    assert_eq!(server.window_tokens, 512);
    assert!(server.build.is_some());
    let client = loopback_client().expect("a client");
    let question = json!({"messages": [{"role": "user", "content": "Say hello."}], "max_tokens": 8, "temperature": 0});
    let request = client
        .post(format!("{}/chat/completions", server.base_url))
        .body(question.to_string());
    let reply = request
        .send()
        .await
        .expect("answered")
        .text()
        .await
        .expect("text");
    let reply: Value = serde_json::from_str(&reply).expect("JSON");
    assert_eq!(reply["model"], "the-model");
    assert!(
        reply["choices"][0]["message"]["content"]
            .as_str()
            .is_some_and(|text| !text.is_empty()),
        "{reply}"
    );
    server.end();
    assert!(
        client.get(&server.base_url).send().await.is_err(),
        "nobody answers any more"
    );
}
