use std::io::{ErrorKind, Write};
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};

use serde::Serialize;

use super::setting_flags::with_flags;
use crate::device::DeviceInfo;
use crate::report::{Report, ReportFile};
use crate::{Error, Result};

/// `true` if stderr is for errors only.
static QUIET: AtomicBool = AtomicBool::new(false);

/// Turns narration off.
pub(super) fn be_quiet() {
    QUIET.store(true, Ordering::Relaxed);
}

pub(super) fn is_quiet() -> bool {
    QUIET.load(Ordering::Relaxed)
}

/// Writes a command's result to stdout. A reader that has closed the pipe is not an error.
///
/// # Errors
/// [`Error::File`] if it cannot be written.
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

/// Writes a line to stdout during a run, which continues even if stdout cannot be written.
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

/// A device as text, with the reason why `--device auto` chose it, if any.
pub(super) fn device(info: &DeviceInfo, passed_over: Option<&Error>) -> String {
    match passed_over {
        Some(Error::NoDevice { problem, .. }) => format!("{info}: {problem}"),
        _ => info.to_string(),
    }
}

/// Tells of kernels that the driver refused, each once.
pub(super) fn refusals(refusals: &[Error]) {
    let mut told: Vec<&str> = Vec::new();
    for refusal in refusals {
        if let Error::KernelRefused { kernel, problem } = refusal
            && !told.contains(&&kernel[..])
        {
            told.push(kernel);
            narrate(&format!(
                "the driver refuses the kernel {kernel} ({problem}); simpler kernels do its work, with the same results"
            ));
        }
    }
}

/// Writes each of `files`, whether or not another one fails.
pub(super) fn write_reports(files: &[ReportFile], report: &Report) -> Result<()> {
    first_error(files.iter().map(|file| {
        file.write(report).map(|()| narrate(&format!("report written to {}", file.path().display())))
    }))
}

/// The first error of several outcomes; the others are printed.
pub(super) fn first_error(outcomes: impl IntoIterator<Item = Result<()>>) -> Result<()> {
    let mut errors = outcomes.into_iter().filter_map(Result::err);
    let first = errors.next();
    for error in errors {
        complain(&format!("ckpt-gpu: {error}"));
    }
    first.map_or(Ok(()), Err)
}
