//! A relay on loopback that notes which paths are asked of the server behind it.

use std::io::{Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::sync::{Arc, Mutex};

/// A relay; it lives as long as the test program.
pub struct Proxy {
    /// `http://127.0.0.1:PORT/v1`.
    pub base_url: String,
    paths: Arc<Mutex<Vec<String>>>,
}

impl Proxy {
    /// A relay to the server of `base_url`.
    pub fn before(base_url: &str) -> Proxy {
        let listener = TcpListener::bind(("127.0.0.1", 0)).expect("a free port");
        let port = listener.local_addr().expect("an address").port();
        let server = base_url
            .trim_start_matches("http://")
            .trim_end_matches("/v1")
            .to_owned();
        let paths = Arc::new(Mutex::new(Vec::new()));
        let noted = paths.clone();
        std::thread::spawn(move || {
            for client in listener.incoming().flatten() {
                let Ok(server) = TcpStream::connect(&server) else {
                    continue;
                };
                let (from, to) = (client.try_clone(), server.try_clone());
                let (Ok(from), Ok(to)) = (from, to) else {
                    continue;
                };
                let noted = noted.clone();
                std::thread::spawn(move || relay(from, to, Some(&noted)));
                std::thread::spawn(move || relay(server, client, None));
            }
        });
        Proxy {
            base_url: format!("http://127.0.0.1:{port}/v1"),
            paths,
        }
    }

    /// How often a path was asked for.
    pub fn asked(&self, path: &str) -> usize {
        let paths = self.paths.lock().expect("no relay panics");
        paths.iter().filter(|asked| *asked == path).count()
    }
}

fn relay(mut from: TcpStream, mut to: TcpStream, noted: Option<&Mutex<Vec<String>>>) {
    let mut chunk = [0; 16 * 1024];
    let mut line: Vec<u8> = Vec::new();
    while let Ok(read) = from.read(&mut chunk) {
        if read == 0 || to.write_all(&chunk[..read]).is_err() {
            break;
        }
        let Some(noted) = noted else {
            continue;
        };
        for &byte in &chunk[..read] {
            line.push(byte);
            if line.ends_with(b"\r\n") {
                // The body before it ends without a line break, so the path is what is sure.
                let text = String::from_utf8_lossy(&line);
                let mut words = text.trim_end().rsplit(' ');
                if words.next() == Some("HTTP/1.1") {
                    let path = words.next().unwrap_or_default().to_owned();
                    noted.lock().expect("no relay panics").push(path);
                }
                line.clear();
            }
        }
    }
    let _ = to.shutdown(Shutdown::Write);
}
