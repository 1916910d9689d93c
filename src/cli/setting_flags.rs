//! Flags of the settings that the library's messages name.

use crate::Setting;

/// `text` with flags in place of the settings that it names as [`Setting`] writes them.
pub(super) fn with_flags(text: &str) -> String {
    let mut shown = String::with_capacity(text.len());
    let mut rest = text;
    while let Some((before, after)) = rest.split_once('`') {
        shown.push_str(before);
        match after.split_once('`').and_then(|(named, after)| Some((words(named)?, after))) {
            Some((words, after)) => {
                shown.push_str(&words);
                rest = after;
            }
            None => {
                shown.push('`');
                rest = after;
            }
        }
    }
    shown + rest
}

/// The flag for `name`, or flag and value for `name = value`.
fn words(named: &str) -> Option<String> {
    let (name, value) = match named.split_once(" = ") {
        Some((name, value)) => (name, Some(value)),
        None => (named, None),
    };
    let setting = Setting::by_name(name)?;
    let flag = flag(setting);
    Some(match (kind(setting), value) {
        (_, None) => flag,
        (Kind::Value, Some(value)) => format!("{flag} {value}"),
        (Kind::Switch { set }, Some(value)) if value == set => flag,
        (Kind::Switch { set: "true" }, Some(value)) => format!("{flag}={value}"),
        (Kind::Switch { .. }, Some(_)) => format!("no {flag}"),
    })
}

pub(super) fn flag(setting: Setting) -> String {
    match setting {
        Setting::Fused => "--no-fuse".to_owned(),
        Setting::Tuned => "--no-tune".to_owned(),
        Setting::Shuffle => "--no-shuffle".to_owned(),
        Setting::Model => "MODEL".to_owned(),
        Setting::Sweep => "CONFIG".to_owned(),
        Setting::Converted => "FILE".to_owned(),
        // Arguments of the library, or keys of a sweep's file, that no flag gives.
        Setting::Case
        | Setting::Folds
        | Setting::Metric
        | Setting::Preprocessing
        | Setting::ReportEvery
        | Setting::Shader => setting.name().to_owned(),
        _ => format!("--{}", setting.name().replace('_', "-")),
    }
}

/// How a flag takes its value.
enum Kind {
    /// As the next word.
    Value,
    /// As `set` where it is given without a value, else after an equals sign.
    Switch { set: &'static str },
}

fn kind(setting: Setting) -> Kind {
    match setting {
        Setting::Fused | Setting::Tuned | Setting::Shuffle => Kind::Switch { set: "false" },
        Setting::LayerNorm
        | Setting::RmsNorm
        | Setting::MapData
        | Setting::Standardise
        | Setting::StandardiseTargets
        | Setting::ImputeIndicators
        | Setting::DropLast
        | Setting::Residual
        | Setting::VerifyRecompute => Kind::Switch { set: "true" },
        _ => Kind::Value,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn settings_become_flags() {
        for (text, expected) in [
            (format!("{}: found 0", Setting::MicroBatch), "--micro-batch: found 0"),
            (format!("use {} or huber", Setting::Loss.with("mse")), "use --loss mse or huber"),
            (format!("use {}", Setting::Fused.with(false)), "use --no-fuse"),
            (format!("had {}", Setting::Shuffle.with(true)), "had no --no-shuffle"),
            (format!("had {}", Setting::LayerNorm.with(true)), "had --layer-norm"),
            (format!("had {}", Setting::Residual.with(false)), "had --residual=false"),
            (format!("{} is a file", Setting::Model), "MODEL is a file"),
            ("`it` isn't `batch".to_owned(), "`it` isn't `batch"),
            (format!("odd ` before {}", Setting::Batch), "odd ` before --batch"),
            ("plain".to_owned(), "plain"),
        ] {
            assert_eq!(with_flags(&text), expected);
        }
    }

    /// Every name stands for a flag of some command, which takes values as it is written here.
    #[test]
    fn flags_are_those_of_the_command_line() {
        let command = crate::cli::command();
        let args: Vec<_> = command.get_subcommands().flat_map(clap::Command::get_arguments).collect();
        for &setting in Setting::ALL {
            let flag = flag(setting);
            let Some(name) = flag.strip_prefix("--") else { continue };
            let arg = args.iter().find(|arg| arg.get_long() == Some(name));
            let arg = arg.unwrap_or_else(|| panic!("no command has {flag}"));
            assert_eq!(matches!(kind(setting), Kind::Switch { .. }), arg.is_require_equals_set(), "{flag}");
        }
    }
}
