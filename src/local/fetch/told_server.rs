//! A loopback HTTP server for tests that answers as it is told, however wrong.

use std::sync::{Arc, Mutex};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;

/// What the server does with one request.
pub(crate) enum Act {
    /// Sends these bytes and closes.
    Send(Vec<u8>),
    /// Sends these bytes and then nothing, for ever.
    Stall(Vec<u8>),
}

/// Heads of the requests that came, in order.
pub(crate) type Heads = Arc<Mutex<Vec<String>>>;

/// A server that answers each request as `act(number, head)` says.
pub(crate) async fn serve(
    act: impl Fn(usize, &str) -> Act + Send + Sync + 'static,
) -> (String, Heads) {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let address = format!("http://{}", listener.local_addr().expect("an address"));
    let heads = Heads::default();
    let seen = heads.clone();
    tokio::spawn(async move {
        let act = Arc::new(act);
        while let Ok((mut stream, _)) = listener.accept().await {
            let (act, seen) = (act.clone(), seen.clone());
            tokio::spawn(async move {
                let mut head = Vec::new();
                while !head.ends_with(b"\r\n\r\n") {
                    match stream.read_u8().await {
                        Ok(byte) => head.push(byte),
                        Err(_) => return,
                    }
                }
                let head = String::from_utf8_lossy(&head).to_lowercase();
                let number = {
                    let mut seen = seen.lock().expect("not poisoned");
                    seen.push(head.clone());
                    seen.len() - 1
                };
                let (bytes, stall) = match act(number, &head) {
                    Act::Send(bytes) => (bytes, false),
                    Act::Stall(bytes) => (bytes, true),
                };
                let _ = stream.write_all(&bytes).await;
                if stall {
                    std::future::pending::<()>().await;
                }
                let _ = stream.shutdown().await;
            });
        }
    });
    (address, heads)
}

/// The value of a header in a lower-case head.
pub(crate) fn header_of<'a>(head: &'a str, name: &str) -> Option<&'a str> {
    head.lines()
        .find_map(|line| line.strip_prefix(name)?.strip_prefix(": "))
}

/// What an honest server answers: RFC 9110's Range and If-Range.
pub(crate) fn honest(body: &[u8], etag: &str, head: &str) -> Vec<u8> {
    let from = header_of(head, "range")
        .and_then(|range| {
            range
                .strip_prefix("bytes=")?
                .strip_suffix('-')?
                .parse::<usize>()
                .ok()
        })
        .filter(|_| header_of(head, "if-range").is_none_or(|wanted| wanted == etag));
    let (status, first) = match from {
        Some(from) if from >= body.len() => {
            let head = format!(
                "HTTP/1.1 416 No\r\ncontent-range: bytes */{}\r\ncontent-length: 0\r\n\r\n",
                body.len()
            );
            return head.into_bytes();
        }
        Some(from) => (
            format!(
                "206 Partial\r\ncontent-range: bytes {from}-{}/{}",
                body.len() - 1,
                body.len()
            ),
            from,
        ),
        None => ("200 OK".to_owned(), 0),
    };
    let rest = &body[first..];
    let head = format!(
        "HTTP/1.1 {status}\r\netag: {etag}\r\ncontent-length: {}\r\n\r\n",
        rest.len()
    );
    [head.as_bytes(), rest].concat()
}
