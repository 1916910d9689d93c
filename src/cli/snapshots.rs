use std::path::PathBuf;

use clap::Args;

use super::config::Effective;
use super::flags::count;
use super::output;
use crate::config::Settings;
use crate::data::Dataset;
use crate::snapshot::{Difference, Snapshot, SnapshotStore};
use crate::train::{Trainer, identity};
use crate::{Error, Result, Setting};

/// What is kept of a run so that it can be gone on with.
#[derive(Debug, Args)]
#[command(next_help_heading = "Snapshots")]
pub(super) struct SnapshotFlags {
    /// Keep snapshots in this folder, from which --resume goes on to the same bits
    #[arg(long, value_name = "DIR")]
    snapshot: Option<PathBuf>,

    /// Steps between two snapshots [default: those of an epoch]
    #[arg(long, value_name = "STEPS", requires = "snapshot", value_parser = count::<u64>, allow_negative_numbers = true)]
    snapshot_every: Option<u64>,

    /// How many snapshots are kept, the newest
    #[arg(long, value_name = "K", default_value_t = 2, requires = "snapshot", value_parser = count::<usize>, allow_negative_numbers = true)]
    keep: usize,

    /// Go on from the newest snapshot in the folder
    #[arg(long, requires = "snapshot", conflicts_with = "init")]
    resume: bool,
}

impl SnapshotFlags {
    /// Opens the folder, where there is one.
    ///
    /// # Errors
    /// As [`SnapshotStore::open`], and [`Error::Usage`] for one with snapshots of a run that is not gone on with.
    pub fn open(&self) -> Result<Option<Snapshots>> {
        if self.snapshot_every == Some(0) {
            return Err(Error::usage(Setting::SnapshotEvery, "found 0, expected at least 1"));
        }
        let Some(folder) = &self.snapshot else { return Ok(None) };
        let store = SnapshotStore::open(folder, self.keep)?;
        if !self.resume
            && let Some(newest) = store.newest()?
        {
            let problem = format!(
                "found {}, of an earlier run; go on with it with --resume, or name another folder",
                newest.display()
            );
            return Err(Error::usage(Setting::Snapshot, problem));
        }
        Ok(Some(Snapshots { store, every: self.snapshot_every, resume: self.resume, last: None }))
    }
}

/// A run's snapshots.
pub(super) struct Snapshots {
    store: SnapshotStore,
    every: Option<u64>,
    resume: bool,
    last: Option<PathBuf>,
}

impl Snapshots {
    /// Where to go on from, if that is asked for.
    ///
    /// # Errors
    /// [`Error::File`] where no snapshot is whole, or the newest is of another run than `settings` and `data` make.
    pub fn start(&mut self, settings: &Settings, data: &Dataset) -> Result<Option<Snapshot>> {
        if !self.resume {
            return Ok(None);
        }
        let found = self.store.latest()?;
        for error in &found.passed_over {
            output::narrate(&format!("passed over: {error}"));
        }
        if let Some(Difference { setting, found: held, expected }) =
            found.snapshot.difference(&identity(settings, data))
        {
            let problem = format!(
                "belongs to a run with {}, expected {}; resume with the settings that the run started with",
                setting.with(held.unwrap_or("none")),
                setting.with(expected)
            );
            return Err(Error::file(&found.path, problem));
        }
        if !found.snapshot.fits(&settings.network.build()?) {
            return Err(Error::file(&found.path, "holds another network than --layers describes"));
        }
        output::narrate(&format!(
            "resuming after step {}, from {}",
            found.snapshot.steps,
            found.path.display()
        ));
        self.last = Some(found.path);
        Ok(Some(found.snapshot))
    }

    /// Puts the run's flags beside its snapshots. Where it is gone on with, those that it began with stay.
    pub fn keep_config(&self, effective: &Effective, settings: &Settings) {
        let path = self.store.folder().join("config.toml");
        if self.resume && path.exists() {
            return;
        }
        if let Err(error) = effective.write(&path, settings) {
            output::narrate(&format!("the run goes on without its flags beside its snapshots: {error}"));
        }
    }

    /// Steps until the next one is due.
    pub fn steps_until_due(&self, trainer: &Trainer) -> u64 {
        self.every.map_or(u64::MAX, |every| every - trainer.steps() % every)
    }

    /// Whether one is due.
    pub fn is_due(&self, trainer: &Trainer) -> bool {
        match self.every {
            Some(every) => trainer.steps().is_multiple_of(every) || trainer.is_done(),
            None => trainer.is_at_end_of_epoch(),
        }
    }

    /// # Errors
    /// [`Error::File`] where it cannot be written: the one before is still there.
    pub fn save(&mut self, trainer: &mut Trainer) -> Result<()> {
        self.last = Some(self.store.save(&trainer.snapshot()?)?);
        Ok(())
    }

    /// Tells where the last good one is, after `error`.
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

/// What somebody is told whose run has ended early, with snapshots or without.
pub(super) fn remedy(has_snapshots: bool) -> String {
    match has_snapshots {
        false => "nothing was saved: with --snapshot DIR there would be something to resume from".to_owned(),
        true => {
            let words = std::env::args_os().filter(|word| word != "--resume");
            let words: Vec<_> = words.map(|word| quoted(&word.to_string_lossy())).collect();
            format!("resume with: {} --resume", words.join(" "))
        }
    }
}

/// `word` as a shell takes it for one.
fn quoted(word: &str) -> String {
    let is_plain = |c: char| c.is_alphanumeric() || "-_./,=:+@%".contains(c);
    match !word.is_empty() && word.chars().all(is_plain) {
        true => word.to_owned(),
        false => format!("'{}'", word.replace('\'', r"'\''")),
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
