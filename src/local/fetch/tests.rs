//! Fetching from a loopback server that does everything wrong that servers do.

use super::told_server::{Act, header_of, honest, serve};
use super::*;
use crate::local::cached::{beside, hex};
use sha2::{Digest, Sha256};
use std::time::Instant;
use tokio::net::TcpListener;

fn answer(status: &str) -> Vec<u8> {
    format!("HTTP/1.1 {status}\r\ncontent-length: 0\r\n\r\n").into_bytes()
}

pub(crate) fn sha256(bytes: &[u8]) -> String {
    hex(Sha256::new_with_prefix(bytes))
}

fn body() -> Vec<u8> {
    (0..300_000u32)
        .map(|number| (number * 7 + number / 256) as u8)
        .collect()
}

struct Bench {
    _folder: tempfile::TempDir,
    store: Store,
    wanted: Wanted,
    progress: Vec<(u64, Option<u64>)>,
}

impl Bench {
    fn new(address: &str) -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let mut store = Store::at(folder.path().to_owned());
        store.patience = Patience {
            answer: Duration::from_secs(2),
            stall: Duration::from_millis(300),
            retry: Duration::from_millis(10),
            ..Patience::default()
        };
        let wanted = Wanted {
            url: Url::parse(&format!("{address}/m.gguf")).expect("an address"),
            to: folder.path().join("m.gguf"),
            sha256: Some(sha256(&body())),
            size_bytes: Some(body().len() as u64),
        };
        Bench {
            _folder: folder,
            store,
            wanted,
            progress: Vec::new(),
        }
    }

    async fn fetch(&mut self) -> Result<String> {
        let progress = &mut self.progress;
        let mut on = |at: Progress<'_>| {
            if let Progress::Bytes {
                done_bytes,
                total_bytes,
            } = at
            {
                progress.push((done_bytes, total_bytes));
            }
        };
        fetch(&self.wanted, &self.store, &mut on).await
    }

    async fn refused(&mut self) -> String {
        let error = self.fetch().await.expect_err("it is refused");
        let error = format!("{error:#}");
        assert!(!error.contains('\n'), "one line: {error}");
        assert!(!self.wanted.to.exists(), "nothing took its place");
        error
    }

    fn assert_complete(&self) {
        assert_eq!(std::fs::read(&self.wanted.to).expect("the file"), body());
        assert!(!beside(&self.wanted.to, ".part").exists());
        assert!(!beside(&self.wanted.to, ".part.of").exists());
    }
}

#[tokio::test]
async fn a_file_is_fetched_whole_with_progress() {
    let (address, heads) = serve(|_, head| Act::Send(honest(&body(), "\"a\"", head))).await;
    let mut bench = Bench::new(&address);
    assert_eq!(bench.fetch().await.expect("fetched"), sha256(&body()));
    bench.assert_complete();
    let all = body().len() as u64;
    assert_eq!(bench.progress.first(), Some(&(0, Some(all))));
    assert_eq!(bench.progress.last(), Some(&(all, Some(all))));
    assert!(bench.progress.is_sorted(), "progress never goes back");
    assert_eq!(heads.lock().expect("not poisoned").len(), 1);
}

#[tokio::test]
async fn a_connection_cut_in_the_middle_is_resumed_where_it_broke() {
    let (address, heads) = serve(|number, head| {
        let whole = honest(&body(), "\"a\"", head);
        let end = if number < 3 {
            whole.len() - 50_000 * (3 - number)
        } else {
            whole.len()
        };
        Act::Send(whole[..end.max(20_000)].to_vec())
    })
    .await;
    let mut bench = Bench::new(&address);
    bench.fetch().await.expect("fetched");
    bench.assert_complete();
    let heads = heads.lock().expect("not poisoned");
    assert!(heads.len() > 1);
    assert!(header_of(&heads[0], "range").is_none());
    assert!(
        heads[1..]
            .iter()
            .all(|head| header_of(head, "if-range") == Some("\"a\""))
    );
    assert!(
        heads[1..]
            .iter()
            .all(|head| header_of(head, "range").is_some_and(|range| range != "bytes=0-"))
    );
}

#[tokio::test]
async fn what_an_earlier_process_fetched_is_not_fetched_again() {
    let (address, heads) = serve(|number, head| match number {
        0 => Act::Stall(honest(&body(), "\"a\"", head)[..100_000].to_vec()),
        1 => Act::Send(answer("404 Not Found")),
        _ => Act::Send(honest(&body(), "\"a\"", head)),
    })
    .await;
    let mut bench = Bench::new(&address);
    bench.refused().await;
    let kept = beside(&bench.wanted.to, ".part")
        .metadata()
        .expect("the part")
        .len();
    assert!(kept > 90_000);
    bench.fetch().await.expect("resumed");
    bench.assert_complete();
    let heads = heads.lock().expect("not poisoned");
    assert_eq!(
        header_of(&heads[2], "range"),
        Some(format!("bytes={kept}-").as_str())
    );
}

#[tokio::test]
async fn a_part_that_was_complete_already_is_only_verified() {
    let (address, heads) = serve(|_, head| Act::Send(honest(&body(), "\"a\"", head))).await;
    let mut bench = Bench::new(&address);
    std::fs::write(beside(&bench.wanted.to, ".part"), body()).expect("written");
    bench.fetch().await.expect("verified");
    bench.assert_complete();
    assert_eq!(heads.lock().expect("not poisoned").len(), 1);
}

#[tokio::test]
async fn a_file_that_changed_meanwhile_is_fetched_from_its_beginning() {
    // The third server forgets If-Range and resumes another file; its ETag gives it away.
    for honours_if_range in [true, false] {
        let (address, _) = serve(move |number, head| {
            let head = match (number, honours_if_range) {
                (1, false) => head.replace("if-range", "x-ignored"),
                _ => head.to_owned(),
            };
            match number {
                0 => Act::Send(honest(&[9; 300_000], "\"old\"", &head)[..100_000].to_vec()),
                _ => Act::Send(honest(&body(), "\"new\"", &head)),
            }
        })
        .await;
        let mut bench = Bench::new(&address);
        bench.fetch().await.expect("fetched");
        bench.assert_complete();
    }
}

#[tokio::test]
async fn halves_that_nothing_ties_together_are_not_joined() {
    let (address, heads) = serve(|number, head| {
        let whole = honest(&body(), "W/\"weak\"", head);
        Act::Send(if number == 0 {
            whole[..100_000].to_vec()
        } else {
            whole
        })
    })
    .await;
    let mut bench = Bench::new(&address);
    bench.wanted.sha256 = None;
    bench.fetch().await.expect("fetched");
    bench.assert_complete();
    assert_eq!(
        header_of(&heads.lock().expect("not poisoned")[1], "range"),
        None
    );
}

#[tokio::test]
async fn wrong_bytes_are_refused_and_removed() {
    let (address, heads) = serve(|_, head| {
        let mut other = body();
        other[150_000] ^= 1;
        Act::Send(honest(&other, "\"a\"", head))
    })
    .await;
    let mut bench = Bench::new(&address);
    let error = bench.refused().await;
    assert!(
        error.contains("refused") && error.contains(&sha256(&body())),
        "{error}"
    );
    assert!(!beside(&bench.wanted.to, ".part").exists());
    assert_eq!(
        heads.lock().expect("not poisoned").len(),
        1,
        "the same bytes are not asked for again"
    );
}

#[tokio::test]
async fn a_spoilt_part_costs_a_second_fetch_and_no_failure() {
    let (address, heads) = serve(|_, head| Act::Send(honest(&body(), "\"a\"", head))).await;
    let mut bench = Bench::new(&address);
    std::fs::write(beside(&bench.wanted.to, ".part"), [7; 1000]).expect("written");
    bench.fetch().await.expect("fetched");
    bench.assert_complete();
    assert_eq!(heads.lock().expect("not poisoned").len(), 2);
}

#[tokio::test]
async fn a_file_of_another_size_is_refused_before_it_is_fetched() {
    let (address, _) = serve(|_, head| Act::Send(honest(&[1; 10], "\"a\"", head))).await;
    let mut bench = Bench::new(&address);
    let error = bench.refused().await;
    assert!(
        error.contains("10 bytes") && error.contains("300000"),
        "{error}"
    );
    assert!(bench.progress.is_empty());
}

#[tokio::test]
async fn more_bytes_than_the_file_has_are_refused() {
    let (address, _) = serve(|_, _| {
        let head = "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n";
        let chunk = [
            format!("{:x}\r\n", 300_001).as_bytes(),
            &[1; 300_001],
            b"\r\n0\r\n\r\n",
        ]
        .concat();
        Act::Send([head.as_bytes(), &chunk].concat())
    })
    .await;
    let error = Bench::new(&address).refused().await;
    assert!(error.contains("more bytes"), "{error}");
}

#[tokio::test]
async fn a_refusal_says_what_to_do() {
    for (status, said) in [
        ("404 Not Found", "no such file there: /m.gguf"),
        ("401 Unauthorized", "HF_TOKEN"),
    ] {
        let (address, heads) = serve(move |_, _| Act::Send(answer(status))).await;
        let error = Bench::new(&address).refused().await;
        assert!(error.contains(said), "{error}");
        assert_eq!(
            heads.lock().expect("not poisoned").len(),
            1,
            "{status} is final"
        );
    }
}

#[tokio::test]
async fn a_server_that_is_busy_is_asked_again() {
    let (address, heads) = serve(|number, head| match number {
        0 => Act::Send(answer("503 Busy")),
        1 => Act::Send(answer("429 Too Many")),
        _ => Act::Send(honest(&body(), "\"a\"", head)),
    })
    .await;
    let mut bench = Bench::new(&address);
    bench.fetch().await.expect("fetched");
    bench.assert_complete();
    assert_eq!(heads.lock().expect("not poisoned").len(), 3);
}

#[tokio::test]
async fn a_stalled_connection_is_given_up_and_resumed() {
    let (address, heads) = serve(|number, head| {
        let whole = honest(&body(), "\"a\"", head);
        if number == 0 {
            Act::Stall(whole[..100_000].to_vec())
        } else {
            Act::Send(whole)
        }
    })
    .await;
    let mut bench = Bench::new(&address);
    bench.fetch().await.expect("fetched");
    bench.assert_complete();
    assert_eq!(heads.lock().expect("not poisoned").len(), 2);
}

#[tokio::test]
async fn a_server_that_always_stalls_ends_the_fetch_and_keeps_the_bytes() {
    let (address, _) = serve(|number, head| {
        let whole = honest(&body(), "\"a\"", head);
        Act::Stall(if number == 0 {
            whole[..100_000].to_vec()
        } else {
            Vec::new()
        })
    })
    .await;
    let mut bench = Bench::new(&address);
    bench.store.patience.answer = Duration::from_millis(200);
    let error = bench.refused().await;
    assert!(error.contains("are kept"), "{error}");
}

#[tokio::test]
async fn no_way_out_is_known_at_once() {
    let closed = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let address = format!("http://{}", closed.local_addr().expect("an address"));
    drop(closed);
    let begun = Instant::now();
    let mut bench = Bench::new(&address);
    // A part of an earlier day makes no difference.
    std::fs::write(beside(&bench.wanted.to, ".part"), &body()[..5]).expect("written");
    let error = bench.refused().await;
    assert!(
        error.contains("127.0.0.1 cannot be reached") && error.contains("refused"),
        "{error}"
    );
    assert!(begun.elapsed() < Duration::from_secs(2));

    let (address, heads) = serve(|_, _| Act::Stall(Vec::new())).await;
    let error = Bench::new(&address).refused().await;
    assert!(error.contains("no answer in 2 s"), "{error}");
    assert_eq!(heads.lock().expect("not poisoned").len(), 1);
}

#[tokio::test]
async fn the_hubs_announcement_is_the_pin_and_the_token_stays_with_the_hub() {
    let (elsewhere, their_heads) =
        serve(|_, head| Act::Send(honest(&body(), "\"cdn\"", head))).await;
    let announced = sha256(&body());
    for (announced, lies) in [
        (announced.clone(), false),
        (announced.replace(['a', 'b'], "c"), true),
    ] {
        let location = format!("{elsewhere}/blob");
        let (hub, heads) = serve(move |_, _| {
            let head = format!(
                "HTTP/1.1 302 Found\r\nlocation: {location}\r\nx-linked-etag: \"{announced}\"\r\ncontent-length: 0\r\n\r\n"
            );
            Act::Send(head.into_bytes())
        })
        .await;
        let mut bench = Bench::new(&hub);
        bench.store.token = Some("hf_secret".to_owned());
        bench.wanted.sha256 = None;
        bench.wanted.size_bytes = None;
        if lies {
            let error = bench.refused().await;
            assert!(
                error.contains("refused") && !error.contains("hf_secret"),
                "{error}"
            );
        } else {
            bench.fetch().await.expect("fetched");
            bench.assert_complete();
        }
        assert!(heads.lock().expect("not poisoned")[0].contains("authorization: bearer hf_secret"));
    }
    let their_heads = their_heads.lock().expect("not poisoned");
    assert_eq!(their_heads.len(), 2);
    assert!(their_heads.iter().all(|head| !head.contains("hf_secret")));
}

#[tokio::test]
async fn another_file_at_the_pinned_place_is_refused_before_a_byte_comes() {
    let (address, heads) = serve(|_, head| {
        let whole = String::from_utf8_lossy(&honest(&[1; 300_000], "\"x\"", head)).into_owned();
        let announced = format!("x-linked-etag: \"{}\"\r\netag", sha256(&[1; 300_000]));
        Act::Stall(whole.replacen("etag", &announced, 1).into_bytes())
    })
    .await;
    let mut bench = Bench::new(&address);
    let error = bench.refused().await;
    assert!(error.contains("another file"), "{error}");
    assert!(bench.progress.is_empty());
    assert_eq!(heads.lock().expect("not poisoned").len(), 1);
}

#[tokio::test]
async fn a_redirect_without_end_ends() {
    let (address, heads) = serve(|_, _| {
        Act::Send(b"HTTP/1.1 302 Found\r\nlocation: /again\r\ncontent-length: 0\r\n\r\n".to_vec())
    })
    .await;
    let error = Bench::new(&address).refused().await;
    assert!(error.contains("redirects without end"), "{error}");
    assert_eq!(heads.lock().expect("not poisoned").len(), 10);
}
