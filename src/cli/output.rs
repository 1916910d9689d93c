use std::io::{ErrorKind, Write};

use serde::Serialize;

/// Writes results to stdout.
///
/// A reader that went away is no reason to lose what is being trained, so a failed write is passed over.
pub(super) fn line(text: &str) {
    let mut stdout = std::io::stdout().lock();
    if let Err(error) = writeln!(stdout, "{text}").and_then(|()| stdout.flush())
        && error.kind() != ErrorKind::BrokenPipe
    {
        narrate(&format!("stdout cannot be written to ({error}); lost: {text}"));
    }
}

/// Writes one JSON object on a line of stdout.
pub(super) fn json(event: &impl Serialize) {
    if let Ok(text) = serde_json::to_string(event) {
        line(&text);
    }
}

/// Writes narration to stderr.
pub(super) fn narrate(text: &str) {
    let _ = writeln!(std::io::stderr(), "{text}");
}
