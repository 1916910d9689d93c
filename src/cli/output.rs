use std::io::{ErrorKind, Write};
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};

use serde::Serialize;

use super::setting::with_flags;
use crate::device::DeviceInfo;
use crate::report::{Report, ReportFile};
use crate::{Error, Result};

/// Whether stderr is for errors alone.
static QUIET: AtomicBool = AtomicBool::new(false);

/// From now on, nothing is narrated.
pub(super) fn be_quiet() {
    QUIET.store(true, Ordering::Relaxed);
}

pub(super) fn is_quiet() -> bool {
    QUIET.load(Ordering::Relaxed)
}

/// Writes what a command was run for to stdout. That a reader has gone away is its own affair.
///
/// # Errors
/// [`Error::File`] where it cannot be written.
pub(super) fn result(text: &str) -> Result<()> {
    let mut stdout = std::io::stdout().lock();
    match writeln!(stdout, "{text}").and_then(|()| stdout.flush()) {
        Err(error) if error.kind() != ErrorKind::BrokenPipe => {
            Err(Error::file(Path::new("stdout"), format!("cannot be written to: {error}")))
        }
        _ => Ok(()),
    }
}

/// [`result`], as one JSON object on a line.
pub(super) fn result_json(object: &impl Serialize) -> Result<()> {
    serde_json::to_string(object).map_or(Ok(()), |text| result(&text))
}

/// Writes to stdout what comes while a run goes on, which is no reason to lose the run where it cannot be written.
pub(super) fn line(text: &str) {
    if let Err(error) = result(text) {
        complain(&format!("{error}; lost: {text}"));
    }
}

/// [`line()`], as one JSON object.
pub(super) fn json(event: &impl Serialize) {
    if let Ok(text) = serde_json::to_string(event) {
        line(&text);
    }
}

/// Writes narration to stderr unless it is off. Settings are shown as flags.
pub(super) fn narrate(text: &str) {
    if !is_quiet() {
        complain(text);
    }
}

/// Writes an error, or a line that belongs to one, to stderr. Settings are shown as flags.
pub(super) fn complain(text: &str) {
    let _ = writeln!(std::io::stderr(), "{}", with_flags(text));
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
    errors.for_each(|error| complain(&format!("ckpt-gpu: {error}")));
    first.map_or(Ok(()), Err)
}
