//! What is done to samples before a network reads them, and what its outputs mean. Model files keep it.

use serde::{Deserialize, Serialize};

use super::feature_scaling::FeatureScaling;
use super::imputation::Imputation;
use super::inputs::InputKind;
use super::npz::shown;
use super::split::Split;
use super::table::Column;
use super::targets::TargetKind;
use crate::Result;
use crate::model::Network;
use crate::words::counted;

/// Preprocessing that was learned from a training split, applied in the order of its fields.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct Preprocessing {
    /// Columns of a table that its features come from; empty for arrays.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub columns: Vec<Column>,
    /// What the inputs were stored as, if known.
    #[serde(rename = "input", skip_serializing_if = "Option::is_none")]
    pub input_kind: Option<InputKind>,
    /// Factor that inputs are multiplied by, in place of 1/255 for bytes and 1 for other numbers.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub scale: Option<f32>,
    /// Imputation of missing values.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub imputation: Option<Imputation>,
    /// Feature scaling.
    #[serde(rename = "standard", skip_serializing_if = "Option::is_none")]
    pub scaling: Option<FeatureScaling>,
    /// What its targets are, if known.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub target_kind: Option<TargetKind>,
    /// Columns of a table that its targets come from.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub targets: Vec<String>,
    /// Names of its classes, in the order of their labels; empty if they have none.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub classes: Vec<String>,
    /// Scaling of its targets. Outputs are scaled back.
    #[serde(rename = "target_standard", skip_serializing_if = "Option::is_none")]
    pub target_scaling: Option<FeatureScaling>,
}

impl Preprocessing {
    /// Describes what keeps it from belonging to `network`; `None` if nothing does.
    pub fn problem(&self, network: &Network) -> Option<String> {
        let (features, outputs) = (network.features(), network.outputs());
        let encoded: usize = self.columns.iter().map(Column::features).sum();
        let from_columns = features - self.indicators().min(features);
        if !self.columns.is_empty() && encoded != from_columns {
            return Some(format!("columns of {}, expected {from_columns}", counted(encoded, "feature")));
        }
        let is_sorted = |column: &Column| column.categories.is_sorted_by(|one, next| one < next);
        if let Some(column) = self.columns.iter().find(|column| !is_sorted(column)) {
            return Some(format!(
                "categories of column {} that are not in order, or not different",
                shown(&column.name)
            ));
        }
        let classes = self.classes.len();
        if classes > outputs.max(2) {
            return Some(format!(
                "names of {}, expected at most {}",
                counted(classes, "class"),
                outputs.max(2)
            ));
        }
        if self.scale.is_some_and(|scale| !scale.is_finite() || scale == 0.0) {
            return Some("a scale that is 0, NaN or infinite".to_owned());
        }
        let imputation = self.imputation.as_ref().and_then(|imputation| imputation.problem(features));
        let scaling =
            |scaling: &Option<FeatureScaling>, width| scaling.as_ref().and_then(|of| of.problem(width));
        imputation
            .or_else(|| scaling(&self.scaling, features))
            .or_else(|| scaling(&self.target_scaling, outputs))
    }

    /// Number of features that imputation adds.
    pub fn indicators(&self) -> usize {
        self.imputation.as_ref().map_or(0, |imputation| imputation.indicators().len())
    }

    /// Names of its columns of targets, with commas between them.
    pub(super) fn target(&self) -> Option<String> {
        (!self.targets.is_empty()).then(|| self.targets.join(","))
    }

    /// Name of the class with this label: the label itself where classes have no names.
    pub fn class_name(&self, label: usize) -> String {
        self.classes.get(label).cloned().unwrap_or_else(|| label.to_string())
    }

    /// Names of the `outputs` of a regression: of the columns that they predict, if these have names.
    pub fn output_names(&self, outputs: usize) -> Vec<String> {
        if self.targets.len() == outputs {
            return self.targets.clone();
        }
        (0..outputs).map(|output| format!("output{output}")).collect()
    }

    /// Scales `outputs`, `[samples, outputs]`, back to the units of the targets.
    pub fn scale_back(&self, outputs: &mut [f32]) {
        let Some(scaling) = &self.target_scaling else { return };
        for row in outputs.chunks_exact_mut(scaling.mean().len()) {
            for (output, value) in row.iter_mut().enumerate() {
                *value = scaling.inverse(output, *value);
            }
        }
    }

    /// Fills in and scales the features of `split`.
    ///
    /// # Errors
    /// As [`Imputation::apply`] and [`FeatureScaling::apply`].
    pub fn apply(&self, split: Split) -> Result<Split> {
        let split = match &self.imputation {
            Some(imputation) => imputation.apply(split)?,
            None => split,
        };
        match &self.scaling {
            Some(scaling) => scaling.apply(&split),
            None => Ok(split),
        }
    }
}
