use std::io::{ErrorKind, Write};
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};

use console::Term;
use serde::Serialize;

use super::outputs;
use super::setting_flags::with_flags;
use crate::device::DeviceInfo;
use crate::report::{Report, ReportFile};
use crate::{Error, Result, Setting};

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

/// `true` if stdout did not take a line of a run.
static LOST_LINES: AtomicBool = AtomicBool::new(false);

/// Writes a line to stdout during a run, which continues even if stdout cannot be written.
pub(super) fn line(text: &str) {
    if let Err(error) = result(text) {
        complain(&format!("{error}; lost: {text}"));
        LOST_LINES.store(true, Ordering::Relaxed);
    }
}

/// Checks that stdout has taken every [`line()`].
///
/// # Errors
/// [`Error::File`] if it has not.
pub(super) fn check_lines() -> Result<()> {
    if LOST_LINES.load(Ordering::Relaxed) {
        let problem =
            "could not be written to during the run: lines are lost, as told above; give it more room";
        return Err(Error::file(Path::new("stdout"), problem));
    }
    Ok(())
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

/// What stands before a command that resumes a run.
pub(super) const RESUME: &str = "resume with: ";
/// Longest message, in characters. Names and texts from files may be longer.
const MOST_SHOWN: usize = 8000;

/// Writes an error, or a line that belongs to one, to stderr. Settings are shown as flags, and control characters, which
/// could move a terminal's cursor, as escapes.
pub(super) fn complain(text: &str) {
    let text = printable(&with_flags(text));
    let text = match Term::stderr().size_checked() {
        // A command is to be copied as it is.
        Some((_, width)) if !text.contains(RESUME) => wrapped(&text, width.into()),
        _ => text,
    };
    let _ = writeln!(std::io::stderr(), "{text}");
}

/// Characters on a line of stdout, if it is a terminal, else no limit.
pub(super) fn width() -> usize {
    Term::stdout().size_checked().map_or(usize::MAX, |(_, width)| width.into())
}

/// `text` with breaks between words, so that lines have at most `width` characters. Lines that go on are indented.
fn wrapped(text: &str, width: usize) -> String {
    const INDENT: &str = "  ";
    let mut wrapped = String::new();
    for (index, line) in text.split('\n').enumerate() {
        if index > 0 {
            wrapped.push('\n');
        }
        let mut used = 0;
        for word in line.split(' ') {
            let length = word.chars().count();
            if used > 0 && used + 1 + length > width {
                wrapped.push('\n');
                wrapped.push_str(INDENT);
                used = INDENT.len();
            } else if used > 0 || word.is_empty() {
                wrapped.push(' ');
                used += 1;
            }
            wrapped.push_str(word);
            used += length;
        }
    }
    wrapped
}

fn printable(text: &str) -> String {
    let mut shown = String::with_capacity(text.len());
    for (count, c) in text.chars().enumerate() {
        match c {
            _ if count == MOST_SHOWN => {
                shown.push('…');
                break;
            }
            '\n' | '\t' => shown.push(c),
            c if c.is_control() => shown.extend(c.escape_default()),
            c => shown.push(c),
        }
    }
    shown
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

/// Checks, before a long run, that each report can be written, and that none replaces what the command reads.
///
/// # Errors
/// As [`outputs::check_outputs`].
pub(super) fn check_reports(data: &Path, init: Option<&Path>, reports: &[ReportFile]) -> Result<()> {
    let read: Vec<_> =
        [(Setting::Data, data)].into_iter().chain(init.map(|path| (Setting::Init, path))).collect();
    let written: Vec<_> = reports.iter().map(|report| (Setting::Report, report.path())).collect();
    outputs::check_outputs(&read, &written)
}

/// Writes each of `files`, whether or not another one fails.
pub(super) fn write_reports(files: &[ReportFile], report: &Report) -> Result<()> {
    first_error(files.iter().map(|file| write_report(file, report)))
}

/// Writes one report.
pub(super) fn write_report(file: &ReportFile, report: &Report) -> Result<()> {
    file.write(report).map(|()| narrate(&format!("report written to {}", file.path().display())))
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn messages_are_wrapped_between_words() {
        assert_eq!(wrapped("a bb ccc", 8), "a bb ccc");
        assert_eq!(wrapped("a bb ccc dddd", 7), "a bb\n  ccc\n  dddd");
        assert_eq!(wrapped("longer than that\nb", 4), "longer\n  than\n  that\nb");
    }

    #[test]
    fn control_characters_are_escaped_and_long_messages_cut() {
        assert_eq!(printable("a\u{1b}[2Jb\r\n\tc é"), "a\\u{1b}[2Jb\\r\n\tc é");
        assert_eq!(printable(&"x".repeat(3 * MOST_SHOWN)).chars().count(), MOST_SHOWN + 1);
    }
}
