//! Lines on the terminal: results on standard output, everything else on standard error.

use std::io::Write;

/// A line of a result. A closed pipe (`| head`) is no error.
pub fn out(line: &str) {
    let _ = writeln!(std::io::stdout().lock(), "{line}");
}

/// Text of a result, as it is.
pub fn raw(bytes: &[u8]) {
    let _ = std::io::stdout().lock().write_all(bytes);
}

/// A line about what is going on.
pub fn note(line: &str) {
    let _ = writeln!(std::io::stderr().lock(), "{line}");
}

/// The one line that a failed command ends with.
pub fn error(message: &str) {
    let one_line: Vec<&str> = message
        .lines()
        .map(str::trim)
        .filter(|line| !line.is_empty())
        .collect();
    let _ = writeln!(
        std::io::stderr().lock(),
        "depthfinder: {}",
        one_line.join(" ")
    );
}
