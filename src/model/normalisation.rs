use serde::{Deserialize, Serialize};

use crate::Setting;

/// Normalisation of each sample of a layer's input, over its values.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Normalisation {
    /// Layer normalisation (Ba et al. 2016): `gain · (s − mean) / √(variance + ε) + shift`, with the biased variance.
    Layer,
    /// Layer normalisation without gain and shift.
    PlainLayer,
    /// RMS normalisation (Zhang & Sennrich 2019): `gain · s / √(mean of s² + ε)`.
    Rms,
    /// RMS normalisation without gain.
    PlainRms,
}

impl Normalisation {
    /// Every normalisation.
    pub const ALL: [Normalisation; 4] =
        [Normalisation::Layer, Normalisation::PlainLayer, Normalisation::Rms, Normalisation::PlainRms];

    /// ε, which is added to the variance or to the mean square.
    pub const EPSILON: f32 = 1e-5;

    /// Name in files and reports.
    pub fn name(self) -> &'static str {
        match self {
            Normalisation::Layer => "layer",
            Normalisation::PlainLayer => "plain-layer",
            Normalisation::Rms => "rms",
            Normalisation::PlainRms => "plain-rms",
        }
    }

    /// `true` if it subtracts the mean.
    pub fn is_centred(self) -> bool {
        matches!(self, Normalisation::Layer | Normalisation::PlainLayer)
    }

    /// `true` if it has a trained gain, one number for each value of a sample.
    pub fn has_gain(self) -> bool {
        matches!(self, Normalisation::Layer | Normalisation::Rms)
    }

    /// `true` if it has a trained shift, one number for each value of a sample.
    pub fn has_shift(self) -> bool {
        self == Normalisation::Layer
    }

    /// The setting that asks for it.
    pub fn setting(self) -> Setting {
        if self.is_centred() { Setting::LayerNorm } else { Setting::RmsNorm }
    }
}
