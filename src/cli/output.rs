use std::io::{ErrorKind, Write};

use serde::Serialize;

use crate::device::DeviceInfo;
use crate::report::{Report, ReportFile};
use crate::{Error, Result};

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

/// A device in words, with the reason why `--device auto` took it, where there is one.
pub(super) fn device(info: &DeviceInfo, passed_over: Option<&Error>) -> String {
    match passed_over {
        Some(Error::NoDevice { problem, .. }) => format!("{info}: {problem}"),
        _ => info.to_string(),
    }
}

/// Writes every one of `files` that can be written.
pub(super) fn write_reports(files: &[ReportFile], report: &Report) -> Result<()> {
    first_error(files.iter().map(|file| {
        file.write(report).map(|()| narrate(&format!("report written to {}", file.path().display())))
    }))
}

/// The first error of several outcomes; the others are told at once.
pub(super) fn first_error(outcomes: impl IntoIterator<Item = Result<()>>) -> Result<()> {
    let mut errors = outcomes.into_iter().filter_map(Result::err);
    let first = errors.next();
    errors.for_each(|error| narrate(&format!("ckpt-gpu: {error}")));
    first.map_or(Ok(()), Err)
}
