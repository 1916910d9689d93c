use std::str::FromStr;

use super::{Settings, Widths};
use crate::model::by_name;

/// The notebook's experiments, which share activation function, loss, optimizer, learning rate and batch.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Preset {
    /// Accuracy of a short network.
    Accuracy,
    /// Running time of a network of two layers.
    Small,
    /// Running time of a network of seven layers.
    Longer,
    /// Running time and memory of a network of 51 layers.
    VeryLong,
}

impl Preset {
    /// Every preset.
    pub const ALL: [Preset; 4] = [Preset::Accuracy, Preset::Small, Preset::Longer, Preset::VeryLong];

    /// Name on the command line and in files.
    pub fn name(self) -> &'static str {
        match self {
            Preset::Accuracy => "accuracy",
            Preset::Small => "small",
            Preset::Longer => "longer",
            Preset::VeryLong => "very-long",
        }
    }

    /// The experiment's settings.
    pub fn settings(self) -> Settings {
        let (hidden, epochs) = match self {
            Preset::Accuracy => (vec![30; 4], 5),
            Preset::Small => (vec![100], 10),
            Preset::Longer => (vec![30; 6], 10),
            Preset::VeryLong => (vec![30; 50], 10),
        };
        let mut settings = Settings::notebook();
        settings.network.layers = Widths([vec![784], hidden, vec![10]].concat());
        settings.optimization.epochs = epochs;
        settings
    }

    /// Distances between checkpoints that the notebook compares, for
    /// [`Strategy::EveryN`](crate::strategy::Strategy::EveryN).
    pub fn every(self) -> &'static [usize] {
        match self {
            Preset::VeryLong => &[0, 1, 2, 4, 10],
            _ => &[0, 1, 2, 4],
        }
    }

    /// Summary in one line, for help.
    pub fn summary(self) -> &'static str {
        match self {
            Preset::Accuracy => "Equal accuracy: 784,30x4,10 for 5 epochs",
            Preset::Small => "Running time of a simple network: 784,100,10 for 10 epochs",
            Preset::Longer => "Running time of a longer network: 784,30x6,10 for 10 epochs",
            Preset::VeryLong => "Running time and memory of a very long network: 784,30x50,10 for 10 epochs",
        }
    }
}

impl FromStr for Preset {
    type Err = String;

    fn from_str(name: &str) -> Result<Self, String> {
        by_name(&Self::ALL, Self::name, name)
    }
}
