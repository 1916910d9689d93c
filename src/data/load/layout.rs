use super::options::LoadOptions;
use crate::data::arrays::Arrays;
use crate::data::dataset::EvaluatedOn;
use crate::{Error, Result, Setting};

/// Usual names of inputs and targets of the training split and of the test split.
const WITH_TEST: [[&str; 4]; 5] = [
    ["x_train", "y_train", "x_test", "y_test"],
    ["X_train", "y_train", "X_test", "y_test"],
    ["X_train", "Y_train", "X_test", "Y_test"],
    ["train_images", "train_labels", "test_images", "test_labels"],
    ["train_data", "train_labels", "test_data", "test_labels"],
];

/// Usual names of inputs and targets of the validation split.
const VALIDATION: [[&str; 2]; 9] = [
    ["x_val", "y_val"],
    ["X_val", "y_val"],
    ["X_val", "Y_val"],
    ["x_valid", "y_valid"],
    ["X_valid", "y_valid"],
    ["x_validation", "y_validation"],
    ["X_validation", "y_validation"],
    ["val_images", "val_labels"],
    ["val_data", "val_labels"],
];

/// Usual names of inputs and targets without a test split.
const WITHOUT_TEST: [[&str; 2]; 6] =
    [["x", "y"], ["X", "y"], ["X", "Y"], ["data", "target"], ["x_train", "y_train"], ["images", "labels"]];

/// Names of the arrays of a split.
pub(super) struct Names {
    pub x: String,
    pub y: String,
}

impl From<[&str; 2]> for Names {
    fn from([x, y]: [&str; 2]) -> Self {
        Names { x: x.to_owned(), y: y.to_owned() }
    }
}

/// Names of all arrays of a dataset.
pub(super) struct Layout {
    pub train: Names,
    pub validation: Option<Names>,
    pub test: Option<Names>,
}

/// Names of the arrays to evaluate on: those of the test split, or else of the validation split, or else of all samples. Also
/// returns which split they are; `None` for all samples.
pub(super) fn inference_names(
    arrays: &Arrays,
    options: &LoadOptions,
) -> Result<(Names, Option<EvaluatedOn>)> {
    let keys = arrays.keys();
    let has = |name: &str| keys.contains(&name);
    let are_given = options.keys().iter().any(|(_, key)| key.is_some());
    let of_test = WITH_TEST.map(|[_, _, x, y]| [x, y]);
    let complete = of_test.into_iter().find(|[x, y]| has(x) && has(y));
    if let Some(names) = complete.or(of_test.into_iter().find(|[x, _]| has(x))).filter(|_| !are_given) {
        return Ok((Names::from(names), Some(EvaluatedOn::Test)));
    }
    let Layout { train, validation, test } = layout(arrays, options)?;
    Ok(match (test, validation) {
        (Some(test), _) => (test, Some(EvaluatedOn::Test)),
        (None, Some(validation)) => (validation, Some(EvaluatedOn::Validation)),
        (None, None) => (train, None),
    })
}

/// Names of the arrays that `options` or one of the usual layouts select.
pub(super) fn layout(arrays: &Arrays, options: &LoadOptions) -> Result<Layout> {
    let keys = arrays.keys();
    let has = |name: &str| keys.contains(&name);
    // A share that is held out takes their place.
    let validation = VALIDATION.into_iter().find(|[x, y]| has(x) && has(y));
    let validation = validation.filter(|_| options.share().is_none());
    let validation = validation.map(Names::from);
    if let Some([x, y, x_test, y_test]) = arrays.idx_names() {
        options.refuse_keys("IDX files have names of their own; leave it out")?;
        let test = (has(x_test) && has(y_test)).then(|| Names::from([x_test, y_test]));
        return Ok(Layout { train: Names::from([x, y]), validation, test });
    }
    let test = match (&options.x_test_key, &options.y_test_key) {
        (Some(x), Some(y)) => Some(Names::from([&x[..], y])),
        (None, None) => None,
        (Some(_), None) => {
            return Err(Error::usage(Setting::XTestKey, format!("needs {}, too", Setting::YTestKey)));
        }
        (None, Some(_)) => {
            return Err(Error::usage(Setting::YTestKey, format!("needs {}, too", Setting::XTestKey)));
        }
    };
    if options.x_key.is_some() || options.y_key.is_some() {
        let x = options.x_key.as_deref().unwrap_or("x");
        let y = options.y_key.as_deref().unwrap_or("y");
        return Ok(Layout { train: Names::from([x, y]), validation, test });
    }
    // Part of a layout selects it, so that reading it reports the part that is missing.
    let with_test =
        WITH_TEST.into_iter().find(|[x, _, x_test, y_test]| has(x) && (has(x_test) || has(y_test)));
    if let Some([x, y, x_test, y_test]) = with_test {
        let test = test.unwrap_or(Names::from([x_test, y_test]));
        return Ok(Layout { train: Names::from([x, y]), validation, test: Some(test) });
    }
    let complete = WITHOUT_TEST.into_iter().find(|[x, y]| has(x) && has(y));
    let names = complete.or(WITHOUT_TEST.into_iter().find(|[x, _]| has(x)));
    names.map(|names| Layout { train: Names::from(names), validation, test }).ok_or_else(|| {
        if keys.is_empty() {
            return Error::file(arrays.path(), "holds no arrays, expected inputs and targets, such as x_train and y_train");
        }
        let problem = format!(
            "has arrays {}, and none of the usual names (x_train, y_train, x_test, y_test; train_images, …; x, y); \
             name them with {} and {}",
            arrays.named(),
            Setting::XKey,
            Setting::YKey
        );
        Error::file(arrays.path(), problem)
    })
}
