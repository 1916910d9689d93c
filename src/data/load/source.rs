use std::path::Path;

use super::layout::{Layout, layout};
use super::options::{Conversion, LoadOptions};
use super::read::Read;
use super::splits::{CommonKind, Splits, weighted};
use super::tables::Tables;
use crate::data::arrays::Arrays;
use crate::data::npz::{Array, shown, some_of};
use crate::data::synthetic;
use crate::data::targets::TargetKind;
use crate::{Error, Result, Setting};

/// Where a dataset comes from.
pub(super) enum Source<'a> {
    Synthetic(&'a str),
    Tables(Tables),
    Arrays(Arrays),
}

impl<'a> Source<'a> {
    /// Opens `path`, or takes it as a recipe of synthetic data. Options for another kind of data are refused.
    pub fn open(path: &'a Path, options: &LoadOptions) -> Result<Self> {
        if let Some(recipe) = path.to_str().and_then(|path| path.strip_prefix(synthetic::PREFIX)) {
            let problem = "is for data in files, found synthetic data; leave it out";
            options.refuse_keys(problem)?;
            options.refuse_columns(problem)?;
            for (setting, is_given) in [
                (Setting::MapData, options.map_data),
                (Setting::Scale, options.scale.is_some()),
                (Setting::Impute, options.impute.is_some()),
                (Setting::WeightKey, options.weight_key.is_some()),
            ] {
                if is_given {
                    return Err(Error::usage(setting, problem));
                }
            }
            return Ok(Source::Synthetic(recipe));
        }
        if matches!(path.try_exists(), Ok(false)) {
            let problem = format!(
                "no such file or directory; name a CSV table, an npz, a directory of tables, npy or IDX files, or \
                 synthetic:blobs with {} (data/mnist.npz is in the root of the repository)",
                Setting::Data
            );
            return Err(Error::file(path, problem));
        }
        if let Some(tables) = Tables::find(path)? {
            let problem =
                format!("is for arrays, found a table; name its column of targets with {}", Setting::Target);
            options.refuse_keys(&problem)?;
            if options.map_data {
                let problem = "is for arrays of numbers, found a table of text; leave it out, or save the table as .npy files";
                return Err(Error::usage(Setting::MapData, problem));
            }
            return Ok(Source::Tables(tables));
        }
        let arrays = Arrays::open(path)?;
        options.refuse_columns(&format!(
            "is for tables, such as .csv files, found arrays; name arrays with {} and {}",
            Setting::XKey,
            Setting::YKey
        ))?;
        Ok(Source::Arrays(arrays))
    }

    pub fn splits(
        self,
        options: &LoadOptions,
        conversion: Conversion,
        notes: &mut Vec<String>,
    ) -> Result<Splits> {
        match self {
            Source::Synthetic(recipe) => {
                let [train, test] = synthetic::make(recipe)?;
                if options.targets == TargetKind::ByRows {
                    train.check_probabilities(
                        Path::new(&format!("{}{recipe}", synthetic::PREFIX)),
                        "targets",
                    )?;
                }
                Ok(Splits::without_columns(train, None, Some(test)))
            }
            Source::Tables(tables) => tables.splits(options, conversion, notes),
            Source::Arrays(mut arrays) => of_arrays(&mut arrays, options, conversion, notes),
        }
    }
}

/// # Errors
/// [`Error::Usage`] if there is no such array, or if it holds inputs or targets; and those of reading it.
fn read_weights(arrays: &mut Arrays, key: &str, used: &[String]) -> Result<Array> {
    let keys = arrays.keys();
    if used.iter().any(|name| name == key) {
        let problem = format!("found {}, which holds inputs or targets; name another array", shown(key));
        return Err(Error::usage(Setting::WeightKey, problem));
    }
    if !keys.contains(&key) {
        let names: Vec<_> = keys.into_iter().map(shown).collect();
        let path = arrays.path().display();
        let problem = format!("found {}, expected an array of {path}: {}", shown(key), some_of(&names));
        return Err(Error::usage(Setting::WeightKey, problem));
    }
    arrays.read(key)
}

fn of_arrays(
    arrays: &mut Arrays,
    options: &LoadOptions,
    conversion: Conversion,
    notes: &mut Vec<String>,
) -> Result<Splits> {
    let Layout { train, validation, test } = layout(arrays, options)?;
    let named: Vec<_> = [Some(&train), validation.as_ref(), test.as_ref()].into_iter().flatten().collect();
    let in_use: Vec<_> = named.iter().flat_map(|names| [names.x.clone(), names.y.clone()]).collect();
    let is_used =
        |key: &&str| options.weight_key.as_deref() == Some(*key) || in_use.iter().any(|name| name == key);
    let unused: Vec<_> = arrays.keys().into_iter().filter(|key| !is_used(key)).map(shown).collect();
    if !unused.is_empty() {
        notes.push(format!("not used of {}: {}", arrays.path().display(), some_of(&unused)));
    }
    let mut read = |names| Read::of(arrays, names, true, conversion);
    let others = [validation.map(&mut read).transpose()?, test.map(&mut read).transpose()?];
    let train = read(train)?;
    let all = [&train].into_iter().chain(others.iter().flatten());
    let common = CommonKind::of(options.targets, all.clone());
    let passes_over =
        |targets: &&Array| !common.are_probabilities && common.kind.passes_over_classes(targets);
    if train.targets.as_ref().is_some_and(|targets| passes_over(&targets)) {
        notes.push(format!(
            "the rows of {} are one-hot, but numbers for this loss function; {} takes them as classes",
            train.targets_name(),
            Setting::Targets.with("classes")
        ));
    }
    notes.extend(all.filter_map(|read| read.note(arrays.path(), &[])));
    if common.are_numbers() {
        notes.extend(train.target_note(arrays.path()));
    }
    let weights = options.weight_key.as_deref().map(|key| read_weights(arrays, key, &in_use)).transpose()?;
    let path = arrays.path();
    let others = others.map(|read| Some((read?, path.to_owned())));
    let (mut train, [validation, test]) = common.splits((train, path.to_owned()), others)?;
    if let (Some(weights), Some(key)) = (weights, &options.weight_key) {
        train = weighted(train, weights, key, path)?;
    }
    Ok(Splits::without_columns(train, validation, test))
}
