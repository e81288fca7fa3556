//! Encrypted connections, with an authority that only a file vouches for.

use crate::{COMPLETE, ask, endpoint, run};
use depthfinder::endpoint::Endpoint;
use depthfinder::endpoint::http::HttpOptions;
use depthfinder::reply::{Failure, Reply};
use depthfinder::rope::Rope;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, PrivatePkcs8KeyDer};
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener};
use std::path::Path;
use std::sync::Arc;

/// Valid until 2120; its key is for these tests alone.
const CERTIFICATE: &[u8] = include_bytes!("tls/server.der");
const KEY: &[u8] = include_bytes!("tls/server.key.der");

fn server() -> SocketAddr {
    depthfinder::endpoint::http::install_tls_provider();
    let key = PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(KEY));
    let chain = vec![CertificateDer::from(CERTIFICATE)];
    let config = rustls::ServerConfig::builder()
        .with_no_client_auth()
        .with_single_cert(chain, key)
        .expect("a certificate");
    let config = Arc::new(config);
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let address = listener.local_addr().expect("an address");
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let mut socket = stream.expect("a connection");
            let mut session =
                rustls::ServerConnection::new(Arc::clone(&config)).expect("a session");
            let mut tls = rustls::Stream::new(&mut session, &mut socket);
            let mut request = Vec::new();
            let mut buffer = [0; 4096];
            // Every request of these tests ends in its one brace of depth zero.
            while !request.ends_with(b"\"temperature\":0}") {
                match tls.read(&mut buffer) {
                    Ok(0) | Err(_) => break,
                    Ok(read) => request.extend_from_slice(&buffer[..read]),
                }
            }
            let _ = write!(
                tls,
                "HTTP/1.1 200 OK\r\nContent-Length: {}\r\nConnection: close\r\n\r\n{COMPLETE}",
                COMPLETE.len()
            );
            let _ = tls.flush();
        }
    });
    address
}

fn asked(authority: bool) -> Result<Reply, Failure> {
    let base = format!("https://localhost:{}/v1", server().port());
    let mut options = HttpOptions::new(base.parse().expect("an address"));
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/dialects/tls/authority.pem");
    options.ca_cert = authority.then_some(file);
    run(endpoint(options).ask(&ask(Rope::of("q"))))
}

#[test]
fn an_authority_named_in_a_file_is_trusted() {
    assert_eq!(asked(true).expect("an answer").text, "42");
}

#[test]
fn an_unknown_authority_is_refused_with_a_way_out() {
    let failure = asked(false).expect_err("not trusted");
    let told = failure.to_string();
    assert_eq!(failure.reason(), "unreachable");
    assert!(
        told.contains("certificate") && told.contains("--ca-cert"),
        "{told}"
    );
}
