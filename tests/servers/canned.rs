//! A wire of fixed answers that notes what it was asked.

use bytes::Bytes;
use depthfinder::endpoint::wire::{Request, Response, Wire};
use depthfinder::reply::Failure;
use futures_util::future::BoxFuture;
use futures_util::{StreamExt, stream};
use serde_json::Value;
use std::sync::Mutex;

/// A request as it came.
#[derive(Clone, Debug)]
pub struct Asked {
    /// `GET /models`, and `GET ^/props` where it went to the server's root.
    pub line: String,
    pub headers: Vec<(String, String)>,
    /// Null where it had none.
    pub body: Value,
}

/// An answer to whatever is asked at one place.
struct Answer {
    line: &'static str,
    status: u16,
    headers: Vec<(String, String)>,
    chunks: Vec<Bytes>,
    /// Each is given once, the last for ever.
    once: bool,
}

/// The wire; what it has no answer to it does not have (404).
#[derive(Default)]
pub struct Canned {
    answers: Mutex<Vec<Answer>>,
    asked: Mutex<Vec<Asked>>,
}

impl Canned {
    pub fn new() -> Canned {
        Canned::default()
    }

    /// Answers this place so, after what was said before was given.
    pub fn on(self, line: &'static str, status: u16, body: impl Into<String>) -> Canned {
        self.on_with(line, status, &[], body)
    }

    /// The same with headers.
    pub fn on_with(
        self,
        line: &'static str,
        status: u16,
        headers: &[(&str, &str)],
        body: impl Into<String>,
    ) -> Canned {
        self.on_chunks(line, status, headers, vec![Bytes::from(body.into())])
    }

    /// The same with a body in chunks.
    pub fn on_chunks(
        self,
        line: &'static str,
        status: u16,
        headers: &[(&str, &str)],
        chunks: Vec<Bytes>,
    ) -> Canned {
        {
            let mut answers = self.answers.lock().expect("unpoisoned");
            for earlier in answers.iter_mut().filter(|answer| answer.line == line) {
                earlier.once = true;
            }
            let headers = headers
                .iter()
                .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
            answers.push(Answer {
                line,
                status,
                headers: headers.collect(),
                chunks,
                once: false,
            });
        }
        self
    }

    pub fn asked(&self) -> Vec<Asked> {
        self.asked.lock().expect("unpoisoned").clone()
    }

    /// The first lines of all requests.
    pub fn lines(&self) -> Vec<String> {
        self.asked().into_iter().map(|asked| asked.line).collect()
    }

    fn answer(&self, request: Request, to_root: bool) -> Response {
        let line = format!(
            "{} {}{}",
            if request.post { "POST" } else { "GET" },
            if to_root { "^" } else { "" },
            request.path
        );
        let body = request.body.slices.concat();
        self.asked.lock().expect("unpoisoned").push(Asked {
            line: line.clone(),
            headers: request.headers,
            body: match body.is_empty() {
                true => Value::Null,
                false => serde_json::from_slice(&body).expect("a body of JSON"),
            },
        });
        let mut answers = self.answers.lock().expect("unpoisoned");
        let found = answers.iter().position(|answer| answer.line == line);
        let (status, headers, chunks) = match found {
            Some(at) if answers[at].once => {
                let answer = answers.remove(at);
                (answer.status, answer.headers, answer.chunks)
            }
            Some(at) => {
                let answer = &answers[at];
                (answer.status, answer.headers.clone(), answer.chunks.clone())
            }
            None => (404, Vec::new(), vec![Bytes::from("404 page not found")]),
        };
        Response {
            status,
            headers,
            uploaded_ms: None,
            headers_ms: 0.0,
            began: std::time::Instant::now(),
            chunks: stream::iter(chunks.into_iter().map(Ok)).boxed(),
        }
    }
}

impl Wire for Canned {
    fn send<'a>(&'a self, request: Request) -> BoxFuture<'a, Result<Response, Failure>> {
        let response = self.answer(request, false);
        Box::pin(async { Ok(response) })
    }

    fn send_to_root<'a>(&'a self, request: Request) -> BoxFuture<'a, Result<Response, Failure>> {
        let response = self.answer(request, true);
        Box::pin(async { Ok(response) })
    }
}
