use super::{Settings, Widths};

/// The notebook's experiments. Activation, loss, optimizer, learning rate and batch are the same in all of them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub enum Preset {
    /// Equal accuracy: 784,30x4,10 for 5 epochs
    Accuracy,
    /// Running time of a simple network: 784,100,10 for 10 epochs
    Small,
    /// Running time of a longer one: 784,30x6,10 for 10 epochs
    Longer,
    /// Running time and memory of a very long one: 784,30x50,10 for 10 epochs
    VeryLong,
}

impl Preset {
    /// Its network and epochs.
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

    /// Distances between checkpoints that the notebook compares, for [`Strategy::EveryN`](crate::strategy::Strategy::EveryN).
    pub fn every(self) -> &'static [usize] {
        match self {
            Preset::VeryLong => &[0, 1, 2, 4, 10],
            _ => &[0, 1, 2, 4],
        }
    }
}
