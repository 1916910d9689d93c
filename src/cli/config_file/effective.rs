use std::ffi::{OsStr, OsString};
use std::path::Path;

use clap::parser::ValueSource;
use clap::{Arg, ArgAction, ArgMatches, Command};
use toml::Value;

use super::key;
use super::key::is_text;
use crate::cli::sizes::Size;
use crate::config::Settings;
use crate::file;
use crate::{Error, Result};

/// Start of every file that is written.
const HEADER: &str = "# A run of ckpt-gpu";

/// Flags that do not belong to the run itself.
const NOT_OF_THE_RUN: [&str; 5] = ["preset", "json", "quiet", "resume", "save-config"];

/// Values of a command's flags, including defaults.
#[derive(Debug)]
pub struct Effective {
    command: Command,
    name: String,
    flags: Vec<Flag>,
}

#[derive(Debug)]
struct Flag {
    arg: Arg,
    values: Vec<OsString>,
    /// `true` if the command line or a file gives it.
    is_given: bool,
}

impl Effective {
    /// Values of the flags of `command`'s subcommand `name`.
    pub fn of(command: &Command, name: &str, matches: &ArgMatches) -> Self {
        let args = command.find_subcommand(name).into_iter().flat_map(Command::get_arguments);
        let is_of_the_run = |arg: &&Arg| key(arg).is_some_and(|key| !NOT_OF_THE_RUN.contains(&key));
        let flags = args.filter(is_of_the_run).map(|arg| {
            let id = arg.get_id().as_str();
            let values = matches.get_raw(id).into_iter().flatten().map(OsStr::to_owned);
            let is_given = matches.value_source(id) == Some(ValueSource::CommandLine);
            Flag { arg: arg.clone(), values: values.collect(), is_given }
        });
        Effective { command: command.clone(), name: name.to_owned(), flags: flags.collect() }
    }

    /// Writes a file to `path` with which `--config` repeats the run, and with which `eval` scores what it held out: the share
    /// `validation` of the samples, if no flag gives one.
    ///
    /// # Errors
    /// [`Error::File`] if it cannot be written.
    pub fn write(&self, path: &Path, settings: &Settings, validation: Option<f64>) -> Result<()> {
        file::replace_with(
            path,
            &self.toml(settings, validation).map_err(|problem| Error::file(path, problem))?,
        )
    }

    /// `true` if the file at `path` is one of [`Effective::write`].
    pub fn has_written(path: &Path) -> bool {
        super::file::read(path).is_ok_and(|text| text.starts_with(HEADER))
    }

    /// All flags with their values: given ones, those of `settings` and `validation`, and defaults. Defaults that conflict with a
    /// given flag are left out.
    fn toml(&self, settings: &Settings, validation: Option<f64>) -> Result<String, String> {
        let mut decided = decided(settings).to_vec();
        decided.extend(settings.batching.micro_batch.map(|size| ("micro-batch", size.to_string())));
        decided.extend(validation.map(|share| ("validation", share.to_string())));
        let given: Vec<_> = self.flags.iter().filter(|flag| flag.is_given).flat_map(Flag::words).collect();
        let mut text = format!(
            "{HEADER} {}; repeat it with: ckpt-gpu {} --config FILE\n",
            env!("CARGO_PKG_VERSION"),
            self.name,
        );
        for flag in &self.flags {
            let is_open = flag.values.is_empty() || flag.is_open_size();
            let of_settings = decided.iter().find(|(name, _)| is_open && *name == flag.name());
            let made = of_settings.map(|(_, value)| Flag {
                arg: flag.arg.clone(),
                values: vec![value.into()],
                is_given: flag.is_given,
            });
            let flag = made.as_ref().unwrap_or(flag);
            if !flag.values.is_empty() && (flag.is_given || self.goes_with(&given, flag)) {
                text.push_str(&format!("{} = {}\n", flag.name(), flag.value()?));
            }
        }
        Ok(text)
    }

    fn goes_with(&self, given: &[OsString], flag: &Flag) -> bool {
        let words = ["ckpt-gpu".into(), OsString::from(&self.name)];
        let words = words.into_iter().chain(given.iter().cloned()).chain(flag.words());
        self.command.clone().try_get_matches_from(words).is_ok()
    }
}

impl Flag {
    fn name(&self) -> &str {
        key(&self.arg).unwrap_or_default()
    }

    /// `true` for a size of batches that was left to the planner.
    fn is_open_size(&self) -> bool {
        ["batch", "micro-batch"].contains(&self.name()) && self.values == [OsStr::new(Size::AUTO)]
    }

    fn words(&self) -> Vec<OsString> {
        let word = |value: &OsString| {
            let mut word = OsString::from(format!("--{}=", self.name()));
            word.push(value);
            word
        };
        self.values.iter().map(word).collect()
    }

    fn value(&self) -> Result<String, String> {
        let values = self.values.iter().map(|value| match value.to_str() {
            Some(text) => Ok(literal(text, is_text(&self.arg))),
            None => Err(format!(
                "cannot hold --{} {}, which is not UTF-8; choose another name",
                self.name(),
                value.display()
            )),
        });
        let values = values.collect::<Result<Vec<_>, _>>()?;
        match (self.arg.get_action(), values.as_slice()) {
            (ArgAction::Append, values) => Ok(format!("[{}]", values.join(", "))),
            (_, [.., last]) => Ok(last.clone()),
            (_, []) => Ok("[]".to_owned()),
        }
    }
}

/// `text` as TOML: a number or Boolean as it is, anything else as a string.
fn literal(text: &str, is_text: bool) -> String {
    let plain = || {
        let table: toml::Table = format!("value = {text}").parse().ok()?;
        let is_plain = matches!(
            (table.len(), table.get("value")?),
            (1, Value::Integer(_) | Value::Float(_) | Value::Boolean(_))
        );
        is_plain.then(|| text.to_owned())
    };
    let plain = if is_text || text.contains(['#', '\n']) { None } else { plain() };
    plain.unwrap_or_else(|| Value::String(text.to_owned()).to_string())
}

/// Values that depend on the preset, the optimizer or the activation function if no flag gives them.
fn decided(settings: &Settings) -> [(&'static str, String); 14] {
    [
        ("layers", settings.network.layers.to_string()),
        ("activation", settings.network.activation.name().to_owned()),
        ("residual", settings.network.residual.to_string()),
        ("loss", settings.network.loss.name().to_owned()),
        ("initialiser", settings.network.initialiser().name().to_owned()),
        ("batch", settings.batching.batch.to_string()),
        ("drop-last", settings.batching.drop_last.to_string()),
        ("optimizer", settings.optimization.rule.optimizer.name().to_owned()),
        ("lr", settings.optimization.lr.to_string()),
        ("beta1", settings.optimization.rule.betas[0].to_string()),
        ("beta2", settings.optimization.rule.betas[1].to_string()),
        ("weight-decay", settings.optimization.rule.weight_decay.to_string()),
        ("schedule", settings.optimization.schedule.decay.name().to_owned()),
        ("epochs", settings.optimization.epochs.to_string()),
    ]
}
