//! How a fetch tells its caller where it stands, so that nothing here ever prints.

/// Where a fetch stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Progress<'a> {
    /// A new step begins; the words say which, and why where the step before it failed.
    Step(&'a str),
    /// Bytes are coming.
    Bytes {
        /// Bytes that are here, those of an earlier attempt included.
        done_bytes: u64,
        /// Bytes of the whole file, where the server said so.
        total_bytes: Option<u64>,
    },
}

/// Whoever listens. `Send`, so that the fetch may be spawned.
pub type OnProgress<'a> = &'a mut (dyn FnMut(Progress<'_>) + Send);
