//! Puts a simulated model behind real HTTP on this machine.

use super::responder::{Answer, Responder};
use super::truth::Truth;
use anyhow::{Context, Result};
use bytes::Bytes;
use futures_util::stream;
use http_body_util::{BodyExt, StreamBody};
use hyper::body::{Frame, Incoming};
use hyper::header::{HeaderName, HeaderValue};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Method, Request, Response, StatusCode};
use hyper_util::rt::TokioIo;
use std::convert::Infallible;
use std::future::Future;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use tokio::net::{TcpListener, TcpStream};
use tokio::task::{JoinHandle, JoinSet};

type Events = stream::Iter<std::vec::IntoIter<Result<Frame<Bytes>, Infallible>>>;

/// A server that has begun to listen.
pub struct Serving {
    /// Where it listens.
    pub address: SocketAddr,
    accepting: JoinHandle<()>,
}

impl Serving {
    /// The base address that a client is given.
    pub fn base_url(&self) -> String {
        format!("http://{}/v1", self.address)
    }

    /// Waits until it was told to stop and has stopped.
    pub async fn stopped(self) {
        // The task is never aborted; had it panicked, it would have stopped as well.
        let _ = self.accepting.await;
    }
}

/// Serves a simulated model on 127.0.0.1 until `shutdown` completes; port 0 takes a free one.
/// Bodies may have any length. Returns as soon as connections are accepted.
pub async fn serve(
    truth: Truth,
    port: u16,
    shutdown: impl Future<Output = ()> + Send + 'static,
) -> Result<Serving> {
    let responder = Arc::new(Responder::new(truth)?);
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, port))
        .await
        .with_context(|| {
            format!("cannot listen on 127.0.0.1:{port}: choose another port, or 0 for a free one")
        })?;
    let address = listener.local_addr()?;
    let accepting = tokio::spawn(async move {
        // Dropping the set ends the connections that are still open.
        let mut connections = JoinSet::new();
        tokio::pin!(shutdown);
        loop {
            tokio::select! {
                () = &mut shutdown => return,
                Some(_) = connections.join_next() => {}
                accepted = listener.accept() => match accepted {
                    Ok((stream, _)) => {
                        connections.spawn(converse(stream, Arc::clone(&responder)));
                    }
                    // Out of file handles, mostly: those in use must be given back first.
                    Err(_) => tokio::time::sleep(std::time::Duration::from_millis(50)).await,
                },
            }
        }
    });
    Ok(Serving { address, accepting })
}

/// One connection, request after request.
async fn converse(stream: TcpStream, responder: Arc<Responder>) {
    // Small events must leave at once, or every one of them waits for an acknowledgement.
    let _ = stream.set_nodelay(true);
    let service = service_fn(move |request| reply(request, Arc::clone(&responder)));
    // An error here is a client that went away or spoke no HTTP: its own affair.
    let _ = http1::Builder::new()
        .serve_connection(TokioIo::new(stream), service)
        .await;
}

async fn reply(
    request: Request<Incoming>,
    responder: Arc<Responder>,
) -> Result<Response<StreamBody<Events>>> {
    let post = request.method() == Method::POST;
    let path = request.uri().path().to_owned();
    let body = collect(request.into_body(), responder.reads_bodies()).await?;
    let answer = tokio::task::spawn_blocking(move || responder.answer(post, &path, &body)).await?;
    tokio::time::sleep(answer.delay).await;
    response(answer)
}

/// The body's frames, uncopied; where nobody reads them, only the first and the last two.
async fn collect(mut body: Incoming, keep: bool) -> Result<Vec<Bytes>> {
    let mut slices: Vec<Bytes> = Vec::new();
    while let Some(frame) = body.frame().await {
        if let Ok(slice) = frame?.into_data() {
            if !keep && slices.len() == 3 {
                slices.remove(1);
            }
            slices.push(slice);
        }
    }
    Ok(slices)
}

fn response(answer: Answer) -> Result<Response<StreamBody<Events>>> {
    let frames: Vec<_> = answer
        .chunks
        .into_iter()
        .map(|chunk| Ok(Frame::data(chunk)))
        .collect();
    let mut response = Response::new(StreamBody::new(stream::iter(frames)));
    *response.status_mut() = StatusCode::from_u16(answer.status)?;
    for (name, value) in answer.headers {
        response
            .headers_mut()
            .insert(HeaderName::try_from(name)?, HeaderValue::try_from(value)?);
    }
    Ok(response)
}
