//! Carries requests to a simulated model inside this process: no socket, the same bytes.

use super::responder::Responder;
use super::truth::Truth;
use crate::endpoint::wire::{Request, Response, Wire};
use crate::reply::Failure;
use anyhow::Result;
use futures_util::StreamExt;
use futures_util::future::BoxFuture;
use futures_util::stream;
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
            let reading = tokio::task::spawn_blocking(move || {
                responder.answer(request.post, &request.path, &request.body.slices)
            });
            let answer = reading.await.map_err(|error| Failure::Broken {
                cause: format!("the simulated model stopped: {error}"),
            })?;
            tokio::time::sleep(answer.delay).await;
            Ok(Response {
                status: answer.status,
                headers: answer.headers,
                // Nothing is handed to any socket.
                uploaded_ms: None,
                headers_ms: began.elapsed().as_secs_f64() * 1_000.0,
                began,
                chunks: stream::iter(answer.chunks.into_iter().map(Ok)).boxed(),
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
