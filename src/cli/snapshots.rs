use std::path::{Path, PathBuf};
use std::str::FromStr;

use clap::Args;

use super::choices::{choices, count};
use super::config_file::Effective;
use super::output;
use crate::config::Settings;
use crate::data::Dataset;
use crate::file;
use crate::model::{Decay, by_name};
use crate::snapshot::{Difference, Found, Progress, Snapshot, SnapshotStore};
use crate::train::{Best, Trainer, identity};
use crate::{Error, Result, Setting};

/// Snapshots of a run, from which it can be resumed.
#[derive(Debug, Args)]
#[command(next_help_heading = "Snapshots")]
pub(super) struct SnapshotFlags {
    /// Write snapshots to this directory; --resume continues from them with bit-identical results
    #[arg(long, value_name = "DIR")]
    snapshot: Option<PathBuf>,

    /// Steps between two snapshots [default: one epoch]
    #[arg(long, value_name = "STEPS", requires = "snapshot", value_parser = count::<u64>, allow_negative_numbers = true)]
    snapshot_every: Option<u64>,

    /// Number of snapshots to keep
    #[arg(long, value_name = "K", default_value_t = 2, requires = "snapshot", value_parser = count::<usize>, allow_negative_numbers = true)]
    keep: usize,

    /// Resume from the newest snapshot in the directory; with auto, begin if there is none
    #[arg(long, value_name = "WHEN", num_args = 0..=1, default_missing_value = Resume::Always.name(), requires = "snapshot", value_parser = choices(Resume::ALL, Resume::name, Resume::summary))]
    resume: Option<Resume>,
}

/// When a run is resumed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Resume {
    Always,
    Auto,
}

impl Resume {
    const ALL: [Resume; 2] = [Resume::Always, Resume::Auto];

    fn name(self) -> &'static str {
        match self {
            Resume::Always => "always",
            Resume::Auto => "auto",
        }
    }

    fn summary(self) -> &'static str {
        match self {
            Resume::Always => "A snapshot is expected",
            Resume::Auto => "If there is a snapshot; otherwise the run begins",
        }
    }
}

impl FromStr for Resume {
    type Err = String;

    fn from_str(name: &str) -> Result<Self, String> {
        by_name(&Self::ALL, Self::name, name)
    }
}

impl SnapshotFlags {
    /// The directory, if one is given.
    pub fn directory(&self) -> Option<&Path> {
        self.snapshot.as_deref()
    }

    /// Checks the flags before anything is read.
    ///
    /// # Errors
    /// [`Error::Usage`] for a count of 0, [`Error::File`] if the directory cannot be made or written to.
    pub fn check(&self) -> Result<()> {
        for (setting, is_zero) in
            [(Setting::SnapshotEvery, self.snapshot_every == Some(0)), (Setting::Keep, self.keep == 0)]
        {
            if is_zero {
                return Err(Error::usage(setting, "found 0, expected at least 1"));
            }
        }
        self.snapshot.as_deref().map_or(Ok(()), file::check_directory)
    }

    /// Opens the directory, if one is given.
    ///
    /// # Errors
    /// As [`SnapshotStore::open`], and [`Error::Usage`] if it holds snapshots but the run is not resumed.
    pub fn open(&self) -> Result<Option<Snapshots>> {
        let Some(directory) = &self.snapshot else { return Ok(None) };
        let store = SnapshotStore::open(directory, self.keep)?;
        let newest = store.newest()?;
        if self.resume.is_none()
            && let Some(newest) = &newest
        {
            let problem = format!(
                "found {} of an earlier run; resume it with --resume or choose another directory",
                newest.display()
            );
            return Err(Error::usage(Setting::Snapshot, problem));
        }
        let resume = match self.resume {
            Some(Resume::Auto) => newest.is_some(),
            resume => resume.is_some(),
        };
        let every = self.snapshot_every;
        Ok(Some(Snapshots { store, every, resume, found: None, evaluate_every: None, last: None }))
    }
}

impl Snapshots {
    /// The snapshots of a run in `directory`, `every` so many steps or after each epoch. It is resumed if there is one.
    ///
    /// # Errors
    /// As [`SnapshotStore::open`].
    pub fn in_directory(directory: &Path, every: Option<u64>) -> Result<Self> {
        let store = SnapshotStore::open(directory, 1)?;
        let resume = store.newest()?.is_some();
        Ok(Snapshots { store, every, resume, found: None, evaluate_every: None, last: None })
    }
}

/// A run's snapshots.
pub(super) struct Snapshots {
    store: SnapshotStore,
    every: Option<u64>,
    resume: bool,
    /// The snapshot to resume from, once it is read.
    found: Option<Found>,
    /// Steps between evaluations, where they determine the bits.
    evaluate_every: Option<(Setting, String)>,
    last: Option<PathBuf>,
}

impl Snapshots {
    /// Samples in a mini-batch and in a micro-batch of the run to resume, if there is one.
    ///
    /// # Errors
    /// [`Error::File`] if no snapshot is intact.
    pub fn resumed_sizes(&mut self) -> Result<Option<[usize; 2]>> {
        if !self.resume {
            return Ok(None);
        }
        let found = self.found.insert(self.store.latest()?);
        let size = |setting| found.snapshot.progress.identity.get(&setting)?.parse().ok();
        Ok(size(Setting::Batch)
            .zip(size(Setting::MicroBatch))
            .map(|(batch, micro_batch)| [batch, micro_batch]))
    }

    /// The snapshot to resume from, with --resume, of a run with so many steps between evaluations.
    ///
    /// # Errors
    /// [`Error::File`] if no snapshot is intact, or if the newest belongs to a run with other settings or data.
    pub fn start(
        &mut self,
        settings: &Settings,
        data: &Dataset,
        evaluate_every: Option<u64>,
    ) -> Result<Option<Snapshot>> {
        let is_plateau = settings.optimization.schedule.decay == Decay::Plateau;
        self.evaluate_every =
            evaluate_every.filter(|_| is_plateau).map(|every| (Setting::EvaluateEvery, every.to_string()));
        if !self.resume {
            return Ok(None);
        }
        let found = match self.found.take() {
            Some(found) => found,
            None => self.store.latest()?,
        };
        for error in &found.passed_over {
            output::narrate(&format!("skipped a snapshot: {error}"));
        }
        let mut expected = identity(settings, data);
        expected.extend(self.evaluate_every.clone());
        if let Some(Difference { setting, found: held, expected }) =
            found.snapshot.progress.difference(&expected)
        {
            let longer = match setting {
                Setting::Epochs | Setting::Steps | Setting::Schedule => {
                    "; to train on for longer than planned, begin another run from a saved model with --init"
                }
                _ => "",
            };
            let problem = format!(
                "differs from this run in {} ({setting}): found {}, expected {}; resume with the settings that the run \
                 started with{longer}",
                setting.name(),
                held.unwrap_or("none"),
                expected.unwrap_or("none")
            );
            return Err(Error::file(&found.path, problem));
        }
        if !found.snapshot.fits(&settings.network.build()?) {
            let problem = "holds another network than --layers, --layer-norm and --rms-norm describe; resume with the flags that the \
                           run started with";
            return Err(Error::file(&found.path, problem));
        }
        output::narrate(&format!(
            "resuming after step {}, from {}",
            found.snapshot.progress.steps,
            found.path.display()
        ));
        self.last = Some(found.path);
        Ok(Some(found.snapshot))
    }

    /// Writes the run's flags beside its snapshots. A file that is there is kept if it is that of the run that is resumed, the
    /// file `config` that the flags came from, or one that a user has written. `validation` is as in [`Effective::write`].
    pub fn keep_config(
        &self,
        effective: &Effective,
        settings: &Settings,
        validation: Option<f64>,
        config: Option<&Path>,
    ) {
        let path = self.store.directory().join("config.toml");
        if self.resume && path.exists() {
            return;
        }
        let is_in_use = config.is_some_and(|config| {
            config.canonicalize().ok().is_some_and(|config| path.canonicalize().ok() == Some(config))
        });
        if is_in_use || (path.exists() && !Effective::has_written(&path)) {
            output::narrate(&format!("{} is kept as it is, without other flags of this run", path.display()));
            return;
        }
        if let Err(error) = effective.write(&path, settings, validation) {
            output::narrate(&format!("could not save the run's flags; training continues: {error}"));
        }
    }

    /// Steps between two snapshots, unless they are written at the end of each epoch.
    pub fn every(&self) -> Option<u64> {
        self.every
    }

    /// `true` if a snapshot is due.
    pub fn is_due(&self, trainer: &Trainer) -> bool {
        match self.every {
            Some(every) => trainer.steps().is_multiple_of(every) || trainer.is_done(),
            None => trainer.is_at_end_of_epoch(),
        }
    }

    /// Writes a snapshot of `trainer` with the `best` parameters so far.
    ///
    /// # Errors
    /// [`Error::File`] if it cannot be written, and those of [`Trainer::save_snapshot`]; the one before is untouched.
    pub fn save(&mut self, trainer: &mut Trainer, best: Option<&Best>) -> Result<()> {
        let best = best.and_then(Best::so_far);
        let evaluate_every = self.evaluate_every.clone();
        let complete = |progress: &mut Progress| progress.identity.extend(evaluate_every);
        self.last = Some(trainer.save_snapshot(&self.store, best, complete)?);
        Ok(())
    }

    /// Prints the path of the last snapshot after `error`.
    pub fn tell_last(&self, error: &Error) {
        let Some(path) = &self.last else { return };
        let last = format!("the last good snapshot is {}", path.display());
        match error {
            Error::Diverged { .. } => output::complain(&last),
            Error::File { .. } | Error::DeviceLost(_) => {
                output::complain(&format!("{last}; {}", remedy(true)));
            }
            _ => {}
        }
    }
}

/// Remedy for a run that ended early.
pub(super) fn remedy(has_snapshots: bool) -> String {
    if !has_snapshots {
        return "nothing was saved; use --snapshot DIR to be able to resume".to_owned();
    }
    let resumes = std::env::args_os().any(|word| {
        let word = word.to_string_lossy();
        word == "--resume" || word.starts_with("--resume=")
    });
    format!("{}{}{}", output::RESUME, this_command(), if resumes { "" } else { " --resume" })
}

/// The command line of this process, for a shell.
pub(super) fn this_command() -> String {
    let words: Vec<_> = std::env::args_os().map(|word| quoted(&word.to_string_lossy())).collect();
    words.join(" ")
}

/// `word`, quoted for a shell if needed.
fn quoted(word: &str) -> String {
    let is_plain = |c: char| c.is_alphanumeric() || "-_./,=:+@%".contains(c);
    if !word.is_empty() && word.chars().all(is_plain) {
        word.to_owned()
    } else {
        format!("'{}'", word.replace('\'', r"'\''"))
    }
}

#[cfg(test)]
mod tests {
    use super::quoted;

    #[test]
    fn words_are_quoted_where_a_shell_would_break_them() {
        assert_eq!(quoted("--layers=784,64x50,10"), "--layers=784,64x50,10");
        assert_eq!(quoted("my runs/it's"), r"'my runs/it'\''s'");
        assert_eq!(quoted(""), "''");
        assert_eq!(quoted("$HOME"), "'$HOME'");
    }
}
