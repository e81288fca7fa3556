//! The TLS provider of the process, named once because reqwest is built without one.

/// Makes ring the process's TLS provider; later calls change nothing.
pub fn install_tls_provider() {
    // An error means that a provider is installed already, which is all that is wanted.
    let _ = rustls::crypto::ring::default_provider().install_default();
}
