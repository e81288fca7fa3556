//! A loopback server of raw bytes: each connection is one request, answered by a script.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Mutex};
use std::time::Duration;

/// A request as it came: its head as text, its body as bytes.
#[derive(Clone, Debug, Default)]
pub struct Seen {
    pub head: String,
    pub body: Vec<u8>,
}

impl Seen {
    /// A header's value by its name in lower case.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.head.lines().skip(1).find_map(|line| {
            let (key, value) = line.split_once(':')?;
            key.eq_ignore_ascii_case(name).then_some(value.trim())
        })
    }
}

/// One connection, with the request's head already read.
pub struct Connection {
    pub number: usize,
    pub seen: Seen,
    reader: BufReader<TcpStream>,
    log: Arc<Mutex<Vec<Seen>>>,
}

impl Connection {
    /// Reads at most so many bytes of the request's body.
    pub fn read_some(&mut self, bytes: usize) {
        let mut buffer = vec![0; bytes];
        self.reader
            .read_exact(&mut buffer)
            .expect("a body as long as announced");
        self.seen.body.extend(buffer);
    }

    /// Reads the rest of the body, as long as `Content-Length` says, and notes the request.
    pub fn read_rest(&mut self) {
        let length = self
            .seen
            .header("content-length")
            .map_or(0, |text| text.parse::<usize>().expect("a length"));
        self.read_some(length - self.seen.body.len());
        self.log.lock().expect("unpoisoned").push(self.seen.clone());
    }

    /// Writes bytes at once; a client that has gone away is no error here.
    pub fn write(&mut self, bytes: impl AsRef<[u8]>) {
        let stream = self.reader.get_mut();
        let _ = stream
            .write_all(bytes.as_ref())
            .and_then(|()| stream.flush());
    }

    /// Reads the request and answers it with a status, a content type and a body.
    pub fn answer(&mut self, status: &str, kind: &str, body: &str) {
        self.read_rest();
        self.write(format!(
            "HTTP/1.1 {status}\r\nContent-Type: {kind}\r\nContent-Length: {}\r\nConnection: close\r\n\r\n{body}",
            body.len()
        ));
    }

    /// Reads the request and begins a stream that ends when the connection does.
    pub fn begin_stream(&mut self) {
        self.read_rest();
        self.write(
            "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nConnection: close\r\n\r\n",
        );
    }

    /// True while the client has not closed the connection.
    pub fn is_open(&mut self) -> bool {
        let stream = self.reader.get_mut();
        stream
            .set_read_timeout(Some(Duration::from_millis(1)))
            .expect("a timeout");
        !matches!(stream.read(&mut [0]), Ok(0)) && stream.write_all(b"").is_ok()
    }
}

/// A server that runs until the test process ends.
pub struct Server {
    pub address: SocketAddr,
    log: Arc<Mutex<Vec<Seen>>>,
}

impl Server {
    /// Starts a server that runs the script for each connection.
    pub fn start(script: impl Fn(&mut Connection) + Send + Sync + 'static) -> Server {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
        let address = listener.local_addr().expect("an address");
        let log = Arc::new(Mutex::new(Vec::new()));
        let script = Arc::new(script);
        let seen = Arc::clone(&log);
        std::thread::spawn(move || {
            for (number, stream) in listener.incoming().enumerate() {
                let Ok(stream) = stream else { continue };
                let (script, log) = (Arc::clone(&script), Arc::clone(&seen));
                std::thread::spawn(move || {
                    let mut reader = BufReader::new(stream);
                    let mut head = String::new();
                    while !head.ends_with("\r\n\r\n") {
                        if reader.read_line(&mut head).unwrap_or(0) == 0 {
                            return;
                        }
                    }
                    let seen = Seen {
                        head,
                        body: Vec::new(),
                    };
                    script(&mut Connection {
                        number,
                        seen,
                        reader,
                        log,
                    });
                });
            }
        });
        Server { address, log }
    }

    /// The address of its API.
    pub fn base(&self) -> String {
        format!("http://{}/v1", self.address)
    }

    /// The requests read so far.
    pub fn seen(&self) -> Vec<Seen> {
        self.log.lock().expect("unpoisoned").clone()
    }
}
