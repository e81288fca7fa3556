//! A served model, and a client that knows nothing but sockets: it keeps every byte and how the connection ended.

use depthfinder::sim::{Log, Responder, Serving, Truth, serve};
use serde_json::Value;
use std::io::{ErrorKind, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::path::PathBuf;
use std::time::Duration;

/// Longer than any answer takes that comes at all.
const PATIENCE: Duration = Duration::from_secs(60);

/// A server with a log.
pub struct Server {
    runtime: tokio::runtime::Runtime,
    serving: Option<Serving>,
    stop: Option<tokio::sync::oneshot::Sender<()>>,
    folder: tempfile::TempDir,
}

impl Server {
    /// Serves a model by its name; its faults are told apart from it, as `--fault` does.
    pub fn start(model: &str) -> Server {
        let runtime = tokio::runtime::Runtime::new().expect("a runtime");
        let folder = tempfile::tempdir().expect("a folder");
        let mut truth = Truth::parse(model).expect(model);
        truth.name = model.split(",fault").next().unwrap_or_default().to_owned();
        let log = Log::create(&folder.path().join("log")).expect("a log");
        let responder = Responder::new(truth).expect("a model").with_log(log);
        let (stop, stopped) = tokio::sync::oneshot::channel();
        let shutdown = async {
            let _ = stopped.await;
        };
        let serving = runtime.block_on(serve(responder, 0, shutdown));
        Server {
            serving: Some(serving.expect("a server")),
            stop: Some(stop),
            runtime,
            folder,
        }
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.serving.as_ref().expect("it still serves").address
    }

    /// What it wrote of its requests so far.
    pub fn log(&self) -> Vec<Value> {
        let path: PathBuf = self.folder.path().join("log");
        let text = std::fs::read_to_string(path).expect("a log");
        let lines = text.lines();
        lines
            .map(|line| serde_json::from_str(line).expect("JSON"))
            .collect()
    }

    /// The last line of it.
    pub fn logged(&self) -> Value {
        self.log().pop().expect("a line")
    }

    /// A connection.
    pub fn connect(&self) -> TcpStream {
        let stream = TcpStream::connect(self.address()).expect("a connection");
        stream.set_nodelay(true).expect("an option");
        stream
    }

    /// Posts a body and waits for the end of the answer.
    pub fn post(&self, path: &str, body: &Value) -> Reply {
        self.post_for(path, body, PATIENCE)
    }

    /// Posts a body and listens until nothing comes for so long.
    pub fn post_for(&self, path: &str, body: &Value, patience: Duration) -> Reply {
        let body = body.to_string();
        let mut stream = self.connect();
        let head = head("POST", path, body.len());
        stream.write_all(head.as_bytes()).expect("a head");
        stream.write_all(body.as_bytes()).expect("a body");
        Reply::read(stream, patience)
    }

    /// Gets a path, with a header besides.
    pub fn get(&self, path: &str, header: &str) -> Value {
        let mut stream = self.connect();
        let head = format!("GET {path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n{header}\r\n");
        stream.write_all(head.as_bytes()).expect("a head");
        Reply::read(stream, PATIENCE).json()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        drop(self.stop.take());
        if let Some(serving) = self.serving.take() {
            self.runtime.block_on(serving.stopped());
        }
    }
}

/// The head of a request of this length.
pub fn head(method: &str, path: &str, length: usize) -> String {
    format!(
        "{method} {path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\nanthropic-version: \
         2023-06-01\r\ncontent-type: application/json\r\nContent-Length: {length}\r\n\r\n"
    )
}

/// How an answer ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum End {
    /// As its own framing says.
    Whole,
    /// The connection was closed before.
    Early,
    /// The connection was reset.
    Reset,
    /// It did not: the connection is open and nothing comes.
    Open,
}

/// What came.
#[derive(Debug)]
pub struct Reply {
    /// HTTP status; 0 where not even a head came.
    pub status: u16,
    /// Headers, names in lower case.
    pub headers: Vec<(String, String)>,
    /// The pieces that the body came in: its chunks, or one.
    pub chunks: Vec<Vec<u8>>,
    /// How it ended.
    pub end: End,
}

impl Reply {
    /// Reads until the connection ends, or nothing comes for so long.
    pub fn read(mut stream: TcpStream, patience: Duration) -> Reply {
        stream.set_read_timeout(Some(patience)).expect("an option");
        let mut bytes = Vec::new();
        let mut piece = [0; 65_536];
        let end = loop {
            match stream.read(&mut piece) {
                Ok(0) => break End::Early,
                Ok(length) => bytes.extend_from_slice(&piece[..length]),
                Err(error) => match error.kind() {
                    ErrorKind::WouldBlock | ErrorKind::TimedOut => break End::Open,
                    _ => break End::Reset,
                },
            }
        };
        Reply::parse(&bytes, end)
    }

    fn parse(bytes: &[u8], end: End) -> Reply {
        let cut = bytes.windows(4).position(|four| four == b"\r\n\r\n");
        let Some(cut) = cut else {
            assert!(bytes.is_empty(), "half a head");
            return Reply {
                status: 0,
                headers: Vec::new(),
                chunks: Vec::new(),
                end,
            };
        };
        let head = String::from_utf8(bytes[..cut].to_vec()).expect("a head");
        let mut lines = head.split("\r\n");
        let status = lines.next().and_then(|line| line.split(' ').nth(1));
        let headers: Vec<(String, String)> = lines
            .filter_map(|line| line.split_once(": "))
            .map(|(name, value)| (name.to_lowercase(), value.to_owned()))
            .collect();
        let body = &bytes[cut + 4..];
        let value = |wanted: &str| {
            let found = headers.iter().find(|(name, _)| name == wanted);
            found.map(|(_, value)| value.clone())
        };
        let (chunks, whole) = if value("transfer-encoding").is_some() {
            dechunked(body)
        } else {
            let length = value("content-length").and_then(|length| length.parse().ok());
            (vec![body.to_vec()], length == Some(body.len()))
        };
        Reply {
            status: status
                .and_then(|status| status.parse().ok())
                .expect("a status"),
            headers,
            chunks,
            end: if whole && end == End::Early {
                End::Whole
            } else {
                end
            },
        }
    }

    /// The whole body.
    pub fn body(&self) -> Vec<u8> {
        self.chunks.concat()
    }

    /// The whole body as text.
    pub fn text(&self) -> String {
        String::from_utf8(self.body()).expect("UTF-8")
    }

    /// The body as JSON.
    pub fn json(&self) -> Value {
        serde_json::from_slice(&self.body()).unwrap_or_else(|_| panic!("{self:?}"))
    }

    /// A header's value.
    pub fn header(&self, wanted: &str) -> Option<&str> {
        let found = self.headers.iter().find(|(name, _)| name == wanted);
        found.map(|(_, value)| value.as_str())
    }
}

/// The chunks of a body, and whether the last, empty one came.
fn dechunked(mut body: &[u8]) -> (Vec<Vec<u8>>, bool) {
    let mut chunks = Vec::new();
    loop {
        let Some(line) = body.windows(2).position(|two| two == b"\r\n") else {
            return (chunks, false);
        };
        let size = std::str::from_utf8(&body[..line]).expect("a size");
        let size = usize::from_str_radix(size, 16).expect("a size");
        let from = line + 2;
        if size == 0 {
            return (chunks, true);
        }
        if body.len() < from + size + 2 {
            return (chunks, false);
        }
        chunks.push(body[from..from + size].to_vec());
        body = &body[from + size + 2..];
    }
}
