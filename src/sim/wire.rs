//! Carries requests to a simulated model inside this process: no socket, the same bytes.

use super::playback::playback;
use super::responder::{Responder, Upload};
use super::route::Head;
use super::truth::Truth;
use crate::endpoint::wire::{Request, Response, Wire};
use crate::reply::Failure;
use anyhow::Result;
use futures_util::StreamExt;
use futures_util::future::BoxFuture;
use std::sync::Arc;
use std::time::Instant;

/// The wire to a simulated model. Must be used within a tokio runtime, whose blocking threads
/// do the reading.
pub struct SimWire {
    responder: Arc<Responder>,
}

impl SimWire {
    /// A wire to a model of this truth.
    pub fn new(truth: Truth) -> Result<SimWire> {
        Ok(SimWire {
            responder: Arc::new(Responder::new(truth)?),
        })
    }
}

impl Wire for SimWire {
    fn send<'a>(&'a self, request: Request) -> BoxFuture<'a, Result<Response, Failure>> {
        let began = Instant::now();
        let responder = Arc::clone(&self.responder);
        Box::pin(async move {
            let headers = request.headers.iter();
            let headers = headers.map(|(name, value)| (name.as_str(), value.as_str()));
            let turn = responder.begin(Head::new(request.post, &request.path, headers));
            let answer = match turn.upload() {
                Upload::Reset(bytes) => {
                    responder.note_reset(turn);
                    return Err(Failure::Broken {
                        cause: format!("connection reset after {bytes} bytes of the upload"),
                    });
                }
                Upload::Refused(_) => responder.refuse_upload(turn),
                Upload::Whole => {
                    let reading = tokio::task::spawn_blocking(move || {
                        responder.answer(turn, &request.body.slices)
                    });
                    reading.await.map_err(|error| Failure::Broken {
                        cause: format!("the simulated model stopped: {error}"),
                    })?
                }
            };
            match answer.delay {
                Some(delay) => tokio::time::sleep(delay).await,
                None => std::future::pending().await,
            }
            let chunks = playback(answer.chunks, answer.tempo).map(|chunk| {
                chunk.map_err(|error| Failure::Broken {
                    cause: format!("the connection broke within the answer: {error}"),
                })
            });
            Ok(Response {
                status: answer.status,
                headers: answer.headers,
                // Nothing is handed to any socket.
                uploaded_ms: None,
                headers_ms: began.elapsed().as_secs_f64() * 1_000.0,
                began,
                chunks: chunks.boxed(),
            })
        })
    }
}

#[cfg(test)]
mod tests {
    use super::super::made::Made;
    use super::*;
    use crate::endpoint::wire::Body;

    #[tokio::test]
    async fn a_request_in_this_process_is_answered_after_the_stated_latency() {
        let truth = Truth::parse("perfect,latency=30ms").expect("a truth");
        let wire = SimWire::new(truth).expect("a wire");
        let made = Made::new(4, 10, 0);
        let request = Request {
            post: true,
            path: "/chat/completions".into(),
            headers: Vec::new(),
            body: Body {
                slices: made.body(),
            },
        };
        let response = wire.send(request).await.expect("a response");
        assert_eq!(response.status, 200);
        assert_eq!(response.header("content-type"), Some("application/json"));
        assert!(response.headers_ms >= 30.0, "{}", response.headers_ms);
        let chunks: Vec<_> = response.chunks.collect().await;
        let bytes = chunks
            .into_iter()
            .collect::<Result<Vec<_>, _>>()
            .expect("a body")
            .concat();
        assert!(String::from_utf8_lossy(&bytes).contains(&made.value));
    }
}
