//! A router on loopback that passes long requests on to another server, as one sold under one name may.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

/// A router; it lives as long as the test program.
pub struct Router {
    /// `http://127.0.0.1:PORT/v1`.
    pub base_url: String,
    passed: Arc<[AtomicUsize; 2]>,
}

impl Router {
    /// Requests with a body of more than `most_bytes` go to `long`, all others to `short`.
    pub fn between(short: &str, long: &str, most_bytes: usize) -> Router {
        let listener = TcpListener::bind(("127.0.0.1", 0)).expect("a free port");
        let port = listener.local_addr().expect("an address").port();
        let address = |base_url: &str| {
            let bare = base_url.trim_start_matches("http://");
            bare.trim_end_matches("/v1").to_owned()
        };
        let servers = [address(short), address(long)];
        let passed = Arc::new([AtomicUsize::new(0), AtomicUsize::new(0)]);
        let counted = passed.clone();
        std::thread::spawn(move || {
            for client in listener.incoming().flatten() {
                let (servers, counted) = (servers.clone(), counted.clone());
                std::thread::spawn(move || pass(&client, &servers, most_bytes, &counted));
            }
        });
        Router {
            base_url: format!("http://127.0.0.1:{port}/v1"),
            passed,
        }
    }

    /// How many requests the server for short ones and that for long ones got.
    pub fn passed(&self) -> [usize; 2] {
        [0, 1].map(|which| self.passed[which].load(Ordering::Relaxed))
    }
}

/// One request and its answer; the connection ends with it, so that the next is chosen anew.
fn pass(
    client: &TcpStream,
    servers: &[String; 2],
    most_bytes: usize,
    passed: &[AtomicUsize; 2],
) -> Option<()> {
    let mut from = BufReader::new(client);
    let mut head = String::new();
    let mut length_bytes = 0;
    loop {
        let mut line = String::new();
        if from.read_line(&mut line).ok()? == 0 {
            return None;
        }
        if line == "\r\n" {
            break;
        }
        let lower = line.to_ascii_lowercase();
        if let Some(length) = lower.strip_prefix("content-length:") {
            length_bytes = length.trim().parse().ok()?;
        }
        if !lower.starts_with("connection:") {
            head.push_str(&line);
        }
    }
    let mut body = vec![0; length_bytes];
    from.read_exact(&mut body).ok()?;
    let which = usize::from(body.len() > most_bytes);
    passed[which].fetch_add(1, Ordering::Relaxed);
    let mut server = TcpStream::connect(&servers[which]).ok()?;
    head.push_str("Connection: close\r\n\r\n");
    server.write_all(head.as_bytes()).ok()?;
    server.write_all(&body).ok()?;
    let mut to = client;
    std::io::copy(&mut server, &mut to).ok()?;
    client.shutdown(std::net::Shutdown::Both).ok()
}
