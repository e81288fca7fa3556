//! Puts a simulated model behind real HTTP on this machine.

use super::line::{Line, Scissors};
use super::playback::playback;
use super::responder::{Answer, Responder, Upload};
use super::route::Head;
use anyhow::{Context, Result, bail};
use bytes::Bytes;
use futures_util::stream::BoxStream;
use futures_util::{StreamExt, TryStreamExt};
use http_body_util::{BodyExt, Either, Full, StreamBody};
use hyper::body::{Frame, Incoming};
use hyper::header::{CONTENT_LENGTH, HeaderName, HeaderValue};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Method, Request, Response, StatusCode};
use hyper_util::rt::TokioIo;
use std::future::Future;
use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use tokio::net::{TcpListener, TcpStream};
use tokio::task::{JoinHandle, JoinSet};

type Events = BoxStream<'static, io::Result<Frame<Bytes>>>;
type Reply = Response<Either<Full<Bytes>, StreamBody<Events>>>;

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
/// Bodies may have any length. Returns as soon as connections are accepted; what is still open at
/// the shutdown is cut.
pub async fn serve(
    responder: Responder,
    port: u16,
    shutdown: impl Future<Output = ()> + Send + 'static,
) -> Result<Serving> {
    let responder = Arc::new(responder);
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
    let (line, scissors) = Line::new(stream);
    let service =
        service_fn(move |request| reply(request, Arc::clone(&responder), scissors.clone()));
    // An error here is a client that went away or spoke no HTTP, or a connection that was to end.
    let _ = http1::Builder::new()
        .serve_connection(TokioIo::new(line), service)
        .await;
}

async fn reply(
    request: Request<Incoming>,
    responder: Arc<Responder>,
    scissors: Scissors,
) -> Result<Reply> {
    let path = request
        .uri()
        .path_and_query()
        .map_or("", |path| path.as_str());
    let headers = request.headers().iter();
    let headers = headers.filter_map(|(name, value)| Some((name.as_str(), value.to_str().ok()?)));
    let head = Head::new(request.method() == Method::POST, path, headers);
    let turn = responder.begin(head);
    let mut body = request.into_body();
    let answer = match turn.upload() {
        Upload::Whole => {
            let body = collect(&mut body, responder.reads_bodies()).await?;
            tokio::task::spawn_blocking(move || responder.answer(turn, &body)).await?
        }
        Upload::Refused(bytes) => {
            pass(&mut body, bytes).await?;
            responder.refuse_upload(turn)
        }
        Upload::Reset(bytes) => {
            pass(&mut body, bytes).await?;
            responder.note_reset(turn);
            scissors.mark();
            bail!("the connection is to be reset");
        }
    };
    match answer.delay {
        Some(delay) => tokio::time::sleep(delay).await,
        None => std::future::pending().await,
    }
    response(answer)
}

/// The body's frames, uncopied; where nobody reads them, only the first and the last two.
async fn collect(body: &mut Incoming, keep: bool) -> Result<Vec<Bytes>> {
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

/// Reads so many bytes of a body, or all of a shorter one.
async fn pass(body: &mut Incoming, bytes: u64) -> Result<()> {
    let mut passed = 0;
    while passed < bytes {
        let Some(frame) = body.frame().await else {
            break;
        };
        passed += frame?.data_ref().map_or(0, |slice| slice.len() as u64);
    }
    Ok(())
}

fn response(mut answer: Answer) -> Result<Reply> {
    let length: usize = answer.chunks.iter().map(Bytes::len).sum();
    // A reply of one piece goes out as it is; events are sent one by one.
    let body = if answer.chunks.len() == 1 && answer.tempo.is_plain() && answer.has_length {
        Either::Left(Full::new(answer.chunks.remove(0)))
    } else {
        let frames = playback(answer.chunks, answer.tempo).map_ok(Frame::data);
        Either::Right(StreamBody::new(frames.boxed()))
    };
    let mut response = Response::new(body);
    *response.status_mut() = StatusCode::from_u16(answer.status)?;
    for (name, value) in answer.headers {
        response
            .headers_mut()
            .insert(HeaderName::try_from(name)?, HeaderValue::try_from(value)?);
    }
    if answer.has_length {
        response
            .headers_mut()
            .insert(CONTENT_LENGTH, HeaderValue::from(length));
    }
    Ok(response)
}

#[cfg(test)]
mod tests {
    use super::super::made::{Made, model};
    use super::*;
    use serde_json::{Value, json};
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    use tokio::sync::oneshot;

    async fn start(name: &str) -> (Serving, oneshot::Sender<()>) {
        let (stop, stopped) = oneshot::channel();
        let shutdown = async {
            let _ = stopped.await;
        };
        (
            serve(model(name), 0, shutdown).await.expect("a server"),
            stop,
        )
    }

    /// Sends bytes as they are and reads until the server closes the connection.
    async fn raw(address: SocketAddr, request: &[u8]) -> String {
        let mut stream = TcpStream::connect(address).await.expect("a connection");
        stream.write_all(request).await.expect("an upload");
        let mut answer = Vec::new();
        stream.read_to_end(&mut answer).await.expect("an answer");
        String::from_utf8(answer).expect("UTF-8")
    }

    fn post(body: &str) -> Vec<u8> {
        format!(
            "POST /v1/chat/completions HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n\
             Content-Length: {}\r\nConnection: close\r\n\r\n{body}",
            body.len()
        )
        .into_bytes()
    }

    fn get(path: &str) -> Vec<u8> {
        format!("GET {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n").into_bytes()
    }

    fn chat(made: &Made, stream: bool) -> String {
        json!({ "messages": [{ "role": "user", "content": made.text() }], "stream": stream })
            .to_string()
    }

    #[tokio::test]
    async fn raw_requests_are_answered_streaming_and_not() {
        let (server, _stop) = start("perfect,window=128k").await;
        let made = Made::new(9, 10, 0);
        let answer = raw(server.address, &post(&chat(&made, false))).await;
        let (head, body) = answer.split_once("\r\n\r\n").expect("a head");
        assert!(head.starts_with("HTTP/1.1 200 OK\r\n"), "{head}");
        assert!(head.contains("content-type: application/json"), "{head}");
        assert!(
            head.contains(&format!("content-length: {}", body.len())),
            "{head}"
        );
        let reply: Value = serde_json::from_str(body).expect("JSON");
        assert_eq!(reply["choices"][0]["message"]["content"], made.value);

        let answer = raw(server.address, &post(&chat(&made, true))).await;
        assert!(
            answer.contains("content-type: text/event-stream"),
            "{answer}"
        );
        assert!(answer.contains("transfer-encoding: chunked"), "{answer}");
        assert!(answer.contains("data: [DONE]\n\n"), "{answer}");

        let answer = raw(server.address, &get("/v1/models")).await;
        assert!(answer.contains("\"max_model_len\":128000"), "{answer}");
        assert!(
            raw(server.address, &get("/health"))
                .await
                .starts_with("HTTP/1.1 200")
        );
        assert!(
            raw(server.address, &get("/v1/props"))
                .await
                .starts_with("HTTP/1.1 404")
        );
        assert!(
            raw(server.address, &post("{}"))
                .await
                .starts_with("HTTP/1.1 400")
        );
    }

    #[tokio::test]
    async fn an_upload_in_chunks_of_no_stated_length_is_read() {
        let (server, _stop) = start("perfect").await;
        let made = Made::new(10, 10, 0);
        let mut request = b"POST /v1/chat/completions HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\
            Transfer-Encoding: chunked\r\n\r\n"
            .to_vec();
        for chunk in chat(&made, false).as_bytes().chunks(7) {
            request.extend_from_slice(format!("{:x}\r\n", chunk.len()).as_bytes());
            request.extend_from_slice(chunk);
            request.extend_from_slice(b"\r\n");
        }
        request.extend_from_slice(b"0\r\n\r\n");
        assert!(raw(server.address, &request).await.contains(&made.value));
    }

    #[tokio::test]
    async fn an_upload_that_breaks_off_disturbs_nobody() {
        let (server, _stop) = start("perfect").await;
        let made = Made::new(12, 10, 0);
        let whole = post(&chat(&made, false));
        let mut waiting = TcpStream::connect(server.address)
            .await
            .expect("a connection");
        waiting
            .write_all(&whole[..whole.len() / 2])
            .await
            .expect("half an upload");
        for cut in [1, 20, 150, whole.len() - 1] {
            let mut torn = TcpStream::connect(server.address)
                .await
                .expect("a connection");
            torn.write_all(&whole[..cut]).await.expect("half an upload");
            drop(torn);
        }
        let mut noise = TcpStream::connect(server.address)
            .await
            .expect("a connection");
        noise.write_all(&[0xff; 4096]).await.expect("noise");
        assert!(raw(server.address, &whole).await.contains(&made.value));
        // The one that was merely slow is answered too.
        waiting
            .write_all(&whole[whole.len() / 2..])
            .await
            .expect("the other half");
        let mut answer = String::new();
        waiting
            .read_to_string(&mut answer)
            .await
            .expect("an answer");
        assert!(answer.contains(&made.value));
    }

    #[tokio::test]
    async fn megabytes_are_discarded_and_answered_at_once() {
        let (server, _stop) = start("discard").await;
        let answer = raw(server.address, &post(&"x".repeat(5_000_000))).await;
        assert!(
            answer.contains("discarded") && !answer.contains("usage"),
            "{answer}"
        );
        let wish = format!(
            "{{\"stream\": true,\"messages\":\"{}\"}}",
            "x".repeat(5_000_000)
        );
        assert!(
            raw(server.address, &post(&wish))
                .await
                .contains("data: [DONE]")
        );
        let wish = format!(
            "{{\"messages\":\"{}\",\"stream\":true}}",
            "x".repeat(5_000_000)
        );
        assert!(
            raw(server.address, &post(&wish))
                .await
                .contains("data: [DONE]")
        );
    }

    #[tokio::test]
    async fn it_stops_when_told_and_says_so_when_a_port_is_taken() {
        let (server, stop) = start("perfect").await;
        let address = server.address;
        let taken = serve(model("perfect"), address.port(), std::future::pending()).await;
        let error = taken.err().expect("a port in use").to_string();
        assert!(error.contains(&address.port().to_string()), "{error}");
        stop.send(()).expect("a server that listens");
        server.stopped().await;
        assert!(TcpStream::connect(address).await.is_err());
    }
}
