//! Plays recorded bytes to any dialect, cut anywhere.

use crate::{ask, run};
use bytes::Bytes;
use depthfinder::endpoint::dialect::Dialect;
use depthfinder::endpoint::speaker::Speaker;
use depthfinder::endpoint::wire::{Request, Response, Wire};
use depthfinder::endpoint::{Endpoint, Served};
use depthfinder::reply::{Failure, Reply, Timing};
use depthfinder::rope::Rope;
use futures_util::future::BoxFuture;
use futures_util::{StreamExt, stream};
use std::sync::{Arc, Mutex};

/// Makes a dialect.
pub type Make = fn() -> Box<dyn Dialect>;

/// A recording: its status and its bytes.
pub type Recording = (u16, &'static str);

/// The bytes of a cassette, by folder and name.
#[macro_export]
macro_rules! cassette {
    ($folder:literal, $name:literal) => {
        include_str!(concat!(
            "../cassettes/",
            $folder,
            "/",
            $name,
            ".response.txt"
        ))
    };
}

/// Answers every request with the same chunks, and keeps the requests.
#[derive(Default)]
pub struct Player {
    status: u16,
    chunks: Mutex<Vec<Bytes>>,
    pub headers: Vec<(String, String)>,
    pub asked: Mutex<Vec<Request>>,
}

impl Player {
    pub fn new(status: u16, body: &'static str) -> Player {
        Player {
            status,
            chunks: Mutex::new(vec![Bytes::from_static(body.as_bytes())]),
            ..Player::default()
        }
    }
}

impl Wire for Player {
    fn send<'a>(&'a self, request: Request) -> BoxFuture<'a, Result<Response, Failure>> {
        self.asked.lock().expect("unpoisoned").push(request);
        let chunks = self.chunks.lock().expect("unpoisoned").clone();
        let response = Response {
            status: self.status,
            headers: self.headers.clone(),
            uploaded_ms: None,
            headers_ms: 0.0,
            began: std::time::Instant::now(),
            chunks: stream::iter(chunks.into_iter().map(Ok)).boxed(),
        };
        Box::pin(async { Ok(response) })
    }
}

/// The outcome of each way of cutting, without the clock's readings.
pub fn outcomes(make: Make, status: u16, cuts: Vec<Vec<Bytes>>) -> Vec<Result<Reply, Failure>> {
    let player = Arc::new(Player {
        status,
        ..Player::default()
    });
    let wire: Arc<dyn Wire> = player.clone();
    let endpoint = Speaker::new(wire, make(), Served::default());
    let question = ask(Rope::of("q"));
    run(async {
        let mut outcomes = Vec::new();
        for chunks in cuts {
            *player.chunks.lock().expect("unpoisoned") = chunks;
            let mut outcome = endpoint.ask(&question).await;
            if let Ok(reply) = &mut outcome {
                reply.timing = Timing {
                    server: reply.timing.server.take(),
                    ..Timing::default()
                };
            }
            outcomes.push(outcome);
        }
        outcomes
    })
}

/// The outcome of bytes that come at once.
pub fn outcome(make: Make, status: u16, bytes: &str) -> Result<Reply, Failure> {
    outcomes(
        make,
        status,
        vec![vec![Bytes::copy_from_slice(bytes.as_bytes())]],
    )
    .remove(0)
}

/// Each recording means the same wherever it is cut in two, and in single bytes.
pub fn assert_cuts_change_nothing(make: Make, recorded: &[Recording]) {
    for (status, recorded) in recorded {
        let bytes = Bytes::from_static(recorded.as_bytes());
        let whole = outcome(make, *status, recorded);
        let mut cuts: Vec<Vec<Bytes>> = (0..=bytes.len())
            .map(|at| vec![bytes.slice(..at), bytes.slice(at..)])
            .collect();
        cuts.push((0..bytes.len()).map(|at| bytes.slice(at..=at)).collect());
        for (at, cut) in outcomes(make, *status, cuts).into_iter().enumerate() {
            assert_eq!(cut, whole, "cut at {at} of {recorded:.60}");
        }
    }
}

/// No recording that stops early is an answer before one of the `marks` that end answers; a body
/// in JSON is none before its last byte.
pub fn assert_torn_is_no_answer(make: Make, recorded: &[Recording], marks: &[&str]) {
    for (status, recorded) in recorded {
        let bytes = Bytes::from_static(recorded.as_bytes());
        let is_json = recorded.starts_with(['{', '[']);
        let finish = match is_json {
            true => recorded.trim_end().len() - 1,
            false => marks
                .iter()
                .filter_map(|mark| recorded.find(mark))
                .min()
                .unwrap_or(recorded.len()),
        };
        let cuts = (0..bytes.len()).map(|at| vec![bytes.slice(..at)]).collect();
        for (at, cut) in outcomes(make, *status, cuts).into_iter().enumerate() {
            assert!(at > finish || cut.is_err(), "{at} bytes of {recorded:.60}");
        }
    }
}

/// What an endpoint counts where its server answers with this body.
pub fn counted(make: Make, served: Served, body: &'static str) -> (Option<u64>, Request) {
    let player = Arc::new(Player::new(200, body));
    let wire: Arc<dyn Wire> = player.clone();
    let endpoint = Speaker::new(wire, make(), served);
    let count = run(endpoint.count_tokens(&Rope::of("say \"hi\"")));
    let request = player.asked.lock().expect("unpoisoned").remove(0);
    (count, request)
}

/// The JSON of a request's body.
pub fn body_of(request: &Request) -> serde_json::Value {
    serde_json::from_slice(&request.body.slices.concat()).expect("valid JSON")
}
